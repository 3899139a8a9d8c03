"""Many recordings: each gets its results or its sentence, and none costs another."""

import csv
import io
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from lass.errors import Cancelled, LassError
from lass.ui.work import batching
from lass.ui.work.batching import Batch, Batching, Order
from lass.ui.work.wish import Ticket
from tests.ui.small import Half, recording, small_service


@pytest.fixture
def worker(tmp_path: Path) -> Batching:
    return Batching(small_service(tmp_path / "scratch"))


def finished(worker: Batching, order: Order) -> Batch:
    *_, batch = worker.run(order)
    assert isinstance(batch, Batch)
    return batch


def contents(batch: Batch) -> dict[str, bytes]:
    assert batch.archive is not None
    with zipfile.ZipFile(batch.archive) as archive:
        return {Path(name).name: archive.read(name) for name in archive.namelist()}


def sound(content: bytes) -> np.ndarray:
    return soundfile.read(io.BytesIO(content), dtype="float32")[0]


def zipped(path: Path, files: dict[str, bytes]) -> str:
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return str(path)


def test_every_recording_meets_every_query_and_adds_up(worker: Batching, tmp_path: Path) -> None:
    files = (recording(tmp_path / "one.wav", 0.5), recording(tmp_path / "two.wav", 0.7))
    batch = finished(worker, Order(files, ("rain", "", "a dog", "rain"), "half"))
    assert [(row.file, row.query, row.problem) for row in batch.rows] == [
        ("one.wav", "rain", ""), ("one.wav", "a dog", ""), ("two.wav", "rain", ""), ("two.wav", "a dog", ""),
    ]  # fmt: skip
    assert batch.total == 4
    packed = contents(batch)
    for row, file in zip(batch.rows, (files[0], files[0], files[1], files[1]), strict=True):
        whole = sound(packed[row.target]) + sound(packed[row.residual])
        np.testing.assert_allclose(whole, soundfile.read(file, dtype="float32")[0], atol=1e-6)
        assert row.level_db == pytest.approx(-6.0, abs=0.1)
    rows = list(csv.DictReader(io.StringIO(packed["table.csv"].decode("utf-8-sig"))))
    assert [row["query"] for row in rows] == ["rain", "a dog", "rain", "a dog"]
    assert list((tmp_path / "scratch").rglob("table.csv"))
    assert not list((tmp_path / "scratch").rglob("work"))


def test_a_zip_is_taken_apart_and_bad_entries_cost_the_others_nothing(worker: Batching, tmp_path: Path) -> None:
    good = Path(recording(tmp_path / "good.wav", 0.5)).read_bytes()
    path = zipped(
        tmp_path / "many.zip",
        {"a/dog.wav": good, "b/dog.wav": good, "../evil.wav": good, "broken.wav": b"no sound", "notes.txt": b"hello"},
    )
    batch = finished(worker, Order((path,), ("rain",), "half"))
    problems = [row.problem for row in batch.rows]
    assert [bool(problem) for problem in problems] == [False, False, True, True, True]
    assert "outside the archive" in problems[2]
    assert "broken.wav" in problems[3]
    assert "00003" not in problems[3]
    names = [row.target for row in batch.rows if not row.problem]
    assert names == ["dog-rain-half-target.wav", "dog-rain-half-2-target.wav"]
    assert set(names) <= set(contents(batch))
    assert not (tmp_path / "evil.wav").exists()


def test_removing_packs_what_is_left_first(tmp_path: Path) -> None:
    network = Half()
    network.share.data.fill_(0.25)
    worker = Batching(small_service(tmp_path / "scratch", network))
    batch = finished(worker, Order((recording(tmp_path / "one.wav"),), ("rain",), "half", remove=True))
    (row,) = batch.rows
    assert row.target == "one-without-rain-half-target.wav"
    assert row.level_db == pytest.approx(-2.5, abs=0.05)


def test_nothing_that_works_leaves_a_table_without_an_archive(worker: Batching, tmp_path: Path) -> None:
    batch = finished(worker, Order((zipped(tmp_path / "a.zip", {}), __file__), ("rain",), "half"))
    assert batch.archive is None
    assert batch.table is not None
    assert len(batch.rows) == 2
    assert all(row.problem for row in batch.rows)


def test_rows_come_while_the_work_goes_on(worker: Batching, tmp_path: Path) -> None:
    files = tuple(recording(tmp_path / f"{number}.wav", 0.2) for number in range(3))
    counts = [len(step.rows) for step in worker.run(Order(files, ("rain",), "half")) if isinstance(step, Batch)]
    assert counts == [1, 2, 3, 3]


def test_a_batch_has_an_end(worker: Batching, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(batching, "MOST_JOBS", 4)
    monkeypatch.setattr(batching, "MOST_SECONDS", 0.0)
    worker.bench.limits = worker.service.limits = type(worker.service.limits)(1.5, 20_000_000, 60)
    files = tuple(recording(tmp_path / f"{number}.wav", 0.5) for number in range(3))
    batch = finished(worker, Order(files, ("rain", "a dog"), "half"))
    assert [bool(row.problem) for row in batch.rows] == [False, False, True, True, True, True]
    assert "minutes" in batch.rows[2].problem
    assert "2 recordings" in batch.rows[4].problem


def test_a_spreadsheet_takes_no_name_for_a_formula(worker: Batching, tmp_path: Path) -> None:
    batch = finished(worker, Order((recording(tmp_path / "=1+1.wav", 0.2),), ("@rain",), "half"))
    assert batch.table is not None
    assert "'=1+1.wav,'@rain" in batch.table.read_text(encoding="utf-8-sig")


@pytest.mark.parametrize("wrong", [{"files": ()}, {"queries": ()}, {"queries": ("", " ")}, {"queries": ("x" * 5000,)}])
def test_what_is_missing_is_one_sentence(worker: Batching, tmp_path: Path, wrong: dict[str, Any]) -> None:
    given: dict[str, Any] = {"files": (recording(tmp_path / "a.wav"),), "queries": ("rain",), "model": "half", **wrong}
    with pytest.raises(LassError) as caught:
        list(worker.run(Order(**given)))
    assert len(str(caught.value)) > 20


def test_cancelling_stops_and_leaves_nothing(worker: Batching, tmp_path: Path) -> None:
    ticket = Ticket()
    files = tuple(recording(tmp_path / f"{number}.wav", 0.2) for number in range(3))
    steps = worker.run(Order(files, ("rain",), "half"), ticket)
    while not isinstance(next(steps), Batch):
        pass
    ticket.call_off()
    with pytest.raises(Cancelled):
        list(steps)
    assert not list((tmp_path / "scratch").glob("lass-*"))
