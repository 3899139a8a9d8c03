"""Exports: one row per rating with what is known about it, no cell that a spreadsheet runs, four layouts."""

import csv
import io
import json
import shutil
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pandas
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyarrow import parquet

from lass.errors import LassError
from lass.listening.design.closing import NotClosedError, close
from lass.listening.design.study import Study, load_study
from lass.listening.ratings.store import Store
from lass.listening.results import export
from lass.listening.stimuli.assignment import trials_for
from lass.listening.stimuli.manifest import Manifest, load_manifest
from tests.listening.small import small_study

NOW = 1_790_100_000.0
FIELDS = [
    {"key": "age", "label": "Age", "kind": "number"},
    {"key": "remark", "label": "Anything else?", "kind": "text"},
]
EVIL = ["=1+1", "+1+1", "-1+1", "@SUM(A1)", "\t=1", "\r=1", "  =1+1", "\n=1", "＝1+1", "\u00a0=cmd|' /C calc'!A0"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return small_study(
        tmp_path_factory.mktemp("studies"), items=2, anchor=True, traps=1, repeats=1, questionnaire=FIELDS,
        scale="rel-ovl",
    )  # fmt: skip


@pytest.fixture(scope="module")
def study(folder: Path) -> Study:
    return load_study(folder)


@pytest.fixture(scope="module")
def manifest(folder: Path) -> Manifest:
    return load_manifest(folder)


@pytest.fixture
def store(tmp_path: Path, study: Study, manifest: Manifest) -> Iterator[Store]:
    """Two participants who rated everything; the second one changed the first answer and is no friend of ours."""
    with Store.open(None, tmp_path / "data", clock=lambda: 1_790_000_000.125) as store:
        for place in range(2):
            token = store.begin(study.slug, study.sha256, study.seed, ("en", "fr")[place], "phone", False).token
            for trial in trials_for(study, manifest, place):
                scores = {question.key: 1 + trial.position % 5 for question in study.scale.questions}
                sha256 = manifest.stimulus(trial.stimulus).sha256
                store.rate(
                    token, trial.position, trial.stimulus, sha256, scores, f"k{trial.position}", 2, 0.5, 1.2345
                )
            answers = {"age": "-30" if place else "30", "remark": EVIL[0] if place else "nice; really"}
            store.update(token, answers=answers, finished=1_790_000_600.0, flags=("a", "b"))
        store.rate(token, 0, trials_for(study, manifest, 1)[0].stimulus, "ff" * 32, {"rel": 5}, "again", 1, 0.5, 1.0)
        yield store


def test_a_row_says_all_about_a_rating(store: Store, study: Study, manifest: Manifest) -> None:
    table = export.rows(store, study, manifest)
    trials = [trials_for(study, manifest, place) for place in range(2)]
    assert len(table) == 2 * sum(len(one) for one in trials)
    assert list(table[0]) == [*export.COLUMNS, "answer_age", "answer_remark"]
    for row in table:
        stimulus = manifest.stimulus(row["stimulus"])
        assert (row["item"], row["condition"], row["role"]) == (stimulus.item, stimulus.condition, stimulus.role)
        assert row["kind"] == trials[row["place"]][row["trial"]].kind
        assert row["query"].startswith(("the sound of", "le son de")[row["place"]])
        assert row["seconds"] == stimulus.seconds
        assert row["gain_db"] == stimulus.gain_db
        assert row["latest"] is True
        for name, value in row.items():
            kind = export.COLUMNS.get(name, (str, ""))[0]
            assert value is None or type(value) is kind, name
    assert {row["kind"] for row in table} == {"practice", "rating", "trap", "repeat"}
    first = table[0]
    assert (first["rated"], first["finished"]) == ("2026-09-21T14:13:20.125+00:00", "2026-09-21T14:23:20.000+00:00")
    assert (first["flags"], first["answer_age"], first["plays"]) == ("a; b", "30", 2)


def test_no_export_holds_a_token(store: Store, study: Study, manifest: Manifest) -> None:
    """Whoever has the token may go on with the session."""
    for format in export.FORMATS:
        content = export.exported(store, study, manifest, format, revisions=True)
        for session in store.sessions(study.slug):
            assert session.token.encode() not in content


def test_revisions_come_on_request(store: Store, study: Study, manifest: Manifest) -> None:
    newest = export.rows(store, study, manifest)
    every = export.rows(store, study, manifest, revisions=True)
    assert len(every) == len(newest) + 1
    changed = [row for row in every if row["place"] == 1 and row["trial"] == 0 and row["question"] == "rel"]
    assert [(row["revision"], row["score"], row["latest"]) for row in changed] == [(1, 1, False), (2, 5, True)]
    assert [row for row in every if row["latest"]] == newest


def test_csv_and_parquet_and_json_lines_say_the_same(store: Store, study: Study, manifest: Manifest) -> None:
    table = export.rows(store, study, manifest)
    lines = [json.loads(line) for line in export.as_jsonl(table).splitlines()]
    assert lines == table
    read = parquet.read_table(io.BytesIO(export.as_parquet(table)))
    assert read.to_pylist() == table
    assert read.schema.field("lufs").metadata == {b"description": export.COLUMNS["lufs"][1].encode()}
    frame = pandas.read_csv(io.BytesIO(export.as_csv(table)))
    assert list(frame.columns) == list(table[0])
    assert frame["score"].tolist() == [row["score"] for row in table]
    assert frame["gain_db"].tolist() == [row["gain_db"] for row in table]
    assert frame["latest"].tolist() == [row["latest"] for row in table]
    assert frame["answer_age"].tolist() == [int(row["answer_age"]) for row in table]
    assert set(frame["answer_remark"]) == {"'=1+1", "nice; really"}


@pytest.mark.parametrize("text", EVIL)
def test_what_a_spreadsheet_would_run_is_text(text: str) -> None:
    assert export.safe_cell(text) == f"'{text}"


@pytest.mark.parametrize("value", [-3.5, 4, 0, True, None, "-3", "+3.5", "-1e5", "-0,5", "", "a=b", "'x", "1-2"])
def test_what_is_harmless_stays_as_it_is(value: object) -> None:
    assert export.safe_cell(value) is value


@given(text=st.text(max_size=12))
def test_no_cell_begins_like_a_formula(text: str) -> None:
    cell = str(export.safe_cell(text))
    assert cell.removeprefix("'") == text.removeprefix("'")
    if not export._NUMBER.fullmatch(cell):
        assert not cell.strip(" ").startswith(("=", "+", "-", "@", "\t", "\r"))


def test_numbers_have_no_quotes_and_texts_have(store: Store, study: Study, manifest: Manifest) -> None:
    lines = export.as_csv(export.rows(store, study, manifest)).decode().split("\n")
    cells = lines[1].split(",")
    header = [name.strip('"') for name in lines[0].split(",")]
    for name in ("score", "trial", "gain_db", "seconds_to_rate"):
        float(cells[header.index(name)])
    assert '"nice; really"' in lines[1]


def test_the_layout_of_webmushra(store: Store, study: Study, manifest: Manifest) -> None:
    content = export.exported(store, study, manifest, "webmushra").decode()
    header, *lines = list(csv.reader(io.StringIO(content)))
    assert header == [
        "session_test_id", "participant", "age", "remark", "trial_id", "stimuli_rating", "stimuli", "rating_time",
    ]  # fmt: skip
    table = [row for row in export.rows(store, study, manifest) if row["kind"] != "practice"]
    assert len(lines) == len(table)
    for line, row in zip(lines, table, strict=True):
        assert line[0] == study.slug
        assert line[4:7] == [f"{row['item']}-{row['question']}", str(row["score"]), row["condition"]]
        assert line[7] in ("1234", "1235", "1000")


def test_a_study_without_ratings_has_a_header(tmp_path: Path, study: Study, manifest: Manifest) -> None:
    with Store.open(None, tmp_path) as store:
        assert export.exported(store, study, manifest, "csv").count(b"\n") == 1
        assert export.exported(store, study, manifest, "webmushra").count(b"\n") == 1
        assert export.exported(store, study, manifest, "jsonl") == b""
        table = parquet.read_table(io.BytesIO(export.exported(store, study, manifest, "parquet")))
        assert (table.num_rows, table.column_names) == (0, list(export.COLUMNS))


def test_sounds_of_an_earlier_build_are_exported_too(store: Store, study: Study, manifest: Manifest) -> None:
    fewer = manifest.model_copy(update={"stimuli": manifest.stimuli[:1]})
    changed = study.named(study.slug, "00" * 32)
    table = export.rows(store, changed, fewer)
    assert len(table) == len(export.rows(store, study, manifest))
    assert None in {row["item"] for row in table}
    for format in export.FORMATS:
        assert export.exported(store, changed, fewer, format)


def test_a_file_is_written_whole_or_not_at_all(store: Store, folder: Path, tmp_path: Path) -> None:
    out = tmp_path / "ratings.csv"
    export.export(store, "demo", folder.parent, "csv", out, now=NOW, while_open=True)
    assert out.read_bytes().startswith(b'"study",')
    with pytest.raises(LassError, match="cannot be written"):
        export.export(store, "demo", folder.parent, "csv", out / "ratings.csv", now=NOW, while_open=True)
    with pytest.raises(LassError, match="choose one of csv"):
        export.export(store, "demo", folder.parent, "xlsx", out, now=NOW, while_open=True)
    with pytest.raises(LassError):
        export.export(store, "no-such-study", folder.parent, "csv", out, now=NOW, while_open=True)
    assert sorted(path.name for path in tmp_path.iterdir() if path.name.startswith((".", "r"))) == ["ratings.csv"]


def test_an_open_study_is_not_exported_unless_somebody_insists(store: Store, folder: Path, tmp_path: Path) -> None:
    built = tmp_path / "studies" / "demo"
    shutil.copytree(folder, built)
    out = tmp_path / "ratings.csv"
    with pytest.raises(NotClosedError, match=r"lass study close demo.*--while-open"):
        export.export(store, "demo", built.parent, "csv", out, now=NOW)
    assert not out.exists()
    export.export(store, "demo", built.parent, "csv", out, now=NOW, while_open=True)
    before = out.read_bytes()
    out.unlink()
    close(built, datetime.fromtimestamp(NOW, UTC))
    export.export(store, "demo", built.parent, "csv", out, now=NOW)
    assert out.read_bytes() == before
