"""Recordings on disk: which are found, how their results are named, and what is written."""

import json
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile

from lass.batch import Job, find_recordings, plan, separate_file, separate_stems_file
from lass.errors import AudioError, LassError
from lass.separation import Separator

RATE = 16_000


@pytest.fixture(scope="module")
def separator(tiny_checkpoint: Path) -> Separator:
    return Separator.load(tiny_checkpoint)


def recording(path: Path, *, seconds: float = 0.4, channels: int = 2, rate: int = RATE, seed: int = 1) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    samples = np.random.default_rng(seed).normal(0, 0.1, (round(seconds * rate), channels))
    soundfile.write(path, samples, rate, subtype="FLOAT" if path.suffix == ".wav" else None)
    return path


def test_a_file_is_itself_whatever_its_name(tmp_path: Path) -> None:
    assert find_recordings(tmp_path / "memo.xyz") == [tmp_path / "memo.xyz"]


def test_a_folder_gives_all_recordings_below_it_in_order(tmp_path: Path) -> None:
    names = ["b.wav", "a/z.FLAC", "a/b/c.mp3", "d.opus", "notes.txt", "e.wav.txt", ".hidden.wav", "._b.wav"]
    for name in names:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    (tmp_path / "folder.wav").mkdir()
    found = [str(path.relative_to(tmp_path)) for path in find_recordings(tmp_path)]
    assert found == ["a/b/c.mp3", "a/z.FLAC", "b.wav", "d.opus"]


def test_a_folder_without_recordings_says_so(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").touch()
    with pytest.raises(AudioError, match="holds no recordings"):
        find_recordings(tmp_path)


@pytest.mark.parametrize("out", [".", "out"])
def test_results_of_an_earlier_run_are_no_recordings(tmp_path: Path, separator: Separator, out: str) -> None:
    files = [recording(tmp_path / "a.wav"), recording(tmp_path / "good-target.wav")]
    for _ in range(2):
        assert find_recordings(tmp_path) == files
        separate_file(separator, Job(files[0], "rain", "a-rain"), tmp_path / out)


def test_every_recording_meets_every_query() -> None:
    jobs = plan([Path("a.wav"), Path("b.wav")], ["rain", "a dog"], "tiny")
    assert [(str(job.recording), job.query, job.beginning) for job in jobs] == [
        ("a.wav", "rain", "a-rain-tiny"),
        ("a.wav", "a dog", "a-a-dog-tiny"),
        ("b.wav", "rain", "b-rain-tiny"),
        ("b.wav", "a dog", "b-a-dog-tiny"),
    ]


def test_a_query_given_twice_is_asked_once() -> None:
    assert len(plan([Path("a.wav")], ["rain", "rain"], "tiny")) == 1


def test_no_result_overwrites_another() -> None:
    recordings = [Path(name) for name in ("a.wav", "a.flac", "A.wav", "x/a.wav", "a-2.wav", "a-rain.wav")]
    queries = ["rain", "rain!", "tiny rain", "r" * 100, "r" * 101]
    jobs = plan(recordings, queries, "tiny")
    names = {job.beginning.casefold() for job in jobs}
    assert len(names) == len(jobs) == len(recordings) * len(queries)


def test_names_do_not_depend_on_what_is_already_there(tmp_path: Path, separator: Separator) -> None:
    """The same command again replaces its own results instead of piling them up."""
    file = recording(tmp_path / "a.wav")
    for _ in range(2):
        (job,) = plan([file], ["rain"], "tiny")
        separate_file(separator, job, tmp_path / "out")
    assert len(list((tmp_path / "out").iterdir())) == 4


@pytest.mark.parametrize(("channels", "rate"), [(1, 8_000), (2, 44_100), (6, 48_000)])
def test_the_files_add_up_to_the_recording(tmp_path: Path, separator: Separator, channels: int, rate: int) -> None:
    file = recording(tmp_path / "a.wav", channels=channels, rate=rate)
    seen: list[tuple[int, int]] = []
    report = separate_file(
        separator, Job(file, "rain", "a"), tmp_path / "out", progress=lambda done, total: seen.append((done, total))
    )
    mixture, _ = soundfile.read(file, dtype="float32", always_2d=True)
    target, target_rate = soundfile.read(report["files"]["target"], dtype="float32", always_2d=True)
    residual, residual_rate = soundfile.read(report["files"]["residual"], dtype="float32", always_2d=True)
    assert target.shape == mixture.shape
    assert target_rate == residual_rate == rate
    np.testing.assert_allclose(target + residual, mixture, rtol=0, atol=1e-6)
    assert np.abs(target).max() > 1e-3
    assert seen == [(1, 1)]


def test_the_report_on_disk_is_the_one_returned(tmp_path: Path, separator: Separator) -> None:
    file = recording(tmp_path / "a.wav")
    report = separate_file(separator, Job(file, "rain", "a-rain"), tmp_path / "out")
    written = json.loads(Path(report["files"]["report"]).read_text(encoding="utf-8"))
    assert {name: value for name, value in written.items() if name != "files"} == {
        name: value for name, value in report.items() if name != "files"
    }
    assert all(Path(path).is_file() for path in report["files"].values())
    assert report["recording"]["seconds"] == pytest.approx(0.4)


def test_removing_changes_target_and_residual_about(tmp_path: Path, separator: Separator) -> None:
    file = recording(tmp_path / "a.wav")
    kept = separate_file(separator, Job(file, "rain", "kept"), tmp_path)
    removed = separate_file(separator, Job(file, "rain", "removed"), tmp_path, remove=True)
    assert (kept["removed"], removed["removed"]) == (False, True)
    for one, other in (("target", "residual"), ("residual", "target")):
        expected, _ = soundfile.read(kept["files"][one], dtype="float32")
        found, _ = soundfile.read(removed["files"][other], dtype="float32")
        np.testing.assert_array_equal(found, expected)
    assert kept["levels_dbfs"]["target"] == removed["levels_dbfs"]["residual"]


def test_a_recording_that_is_too_long_is_refused(tmp_path: Path, separator: Separator) -> None:
    with pytest.raises(AudioError, match=r"longer than 0\.2 seconds"):
        separate_file(separator, Job(recording(tmp_path / "a.wav"), "rain", "a"), tmp_path / "out", max_seconds=0.2)
    assert not (tmp_path / "out").exists()


@pytest.mark.skipif(sys.platform == "win32", reason="limits of a process")
@pytest.mark.parametrize(("most", "sentence"), [(20_000, "check both disks"), (40_000, "make room")])
def test_a_full_disk_is_one_sentence_and_leaves_nothing(
    tmp_path: Path, separator: Separator, most: int, sentence: str
) -> None:
    """At 8 kHz the recording takes 26 kB, at the network's 16 kHz 51 kB: no file may be larger than that here."""
    import resource

    file = recording(tmp_path / "a.wav", rate=8_000)
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (most, before[1]))
    try:
        with pytest.raises(LassError, match=sentence):
            separate_file(separator, Job(file, "rain", "a"), tmp_path / "out")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert list((tmp_path / "out").iterdir()) == []


def test_stems_of_a_file_add_up_and_are_no_recordings_of_a_later_run(tmp_path: Path, separator: Separator) -> None:
    file = recording(tmp_path / "a-2-stem.wav")
    seen: list[tuple[int, int]] = []
    report = separate_stems_file(
        separator, file, ["rain", "a dog"], tmp_path, progress=lambda *step: seen.append(step)
    )
    paths = [*report["files"]["stems"], report["files"]["rest"]]
    assert len(paths) == 3
    mixture, _ = soundfile.read(file, dtype="float32")
    np.testing.assert_allclose(
        sum(soundfile.read(path, dtype="float32")[0] for path in paths), mixture, rtol=0, atol=1e-6
    )
    assert seen == [(1, 2), (2, 2)]
    assert find_recordings(tmp_path) == [file]
