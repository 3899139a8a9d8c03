"""`lass study`: problems with their lines, built folders, and the way out for a participant's data."""

import json
import re
import time
from pathlib import Path

import pytest

from lass.cli import main
from lass.listening.ratings.records import reference
from lass.listening.ratings.store import Store
from lass.listening.stimuli.manifest import check
from lass.listening.studies import Studies
from tests.listening.small import small_source

Capture = pytest.CaptureFixture[str]


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the studies and the ratings of these tests are."""
    monkeypatch.setenv("LASS_DATA_DIR", str(tmp_path / "home"))
    monkeypatch.delenv("LASS_STUDIES_DIR", raising=False)
    monkeypatch.delenv("LASS_DATABASE_URL", raising=False)
    monkeypatch.setenv("LASS_DEVICE", "cpu")
    return tmp_path / "home"


def study(*arguments: object) -> int:
    try:
        return main(["study", *map(str, arguments)])
    except SystemExit as stop:
        return int(stop.code or 0)


@pytest.fixture
def built(tmp_path: Path, home: Path, capsys: Capture) -> Path:
    assert study("build", small_source(tmp_path / "demo")) == 0
    capsys.readouterr()
    return home / "studies" / "demo"


def test_a_good_file_is_said_to_be_good(tmp_path: Path, capsys: Capture) -> None:
    assert study("check", small_source(tmp_path / "demo")) == 0
    output = capsys.readouterr()
    assert output.out == "demo: nothing is wrong. 3 items, 2 conditions, in en, fr.\n"
    assert output.err == ""
    assert study("check", tmp_path / "demo", "--json") == 0
    assert json.loads(capsys.readouterr().out)["study"] == "demo"


def test_every_problem_of_a_file_has_its_line(tmp_path: Path, capsys: Capture) -> None:
    source = small_source(tmp_path / "demo")
    source.write_text(source.read_text().replace("title:", "titel:", 1).replace("seed: 7", "seed: lots"))
    assert study("check", source) == 1
    output = capsys.readouterr()
    assert output.out == ""
    lines = output.err.splitlines()
    assert len(lines) == 3
    assert all(str(source) in line for line in lines)
    assert f"{source}:1: titel is not known; did you mean title." in lines[1]
    assert study("build", source, "--out", tmp_path / "out") == 1
    assert capsys.readouterr().err == output.err
    assert not (tmp_path / "out").exists()


def test_a_model_that_nobody_knows_is_a_problem(root: Path, tmp_path: Path, capsys: Capture) -> None:
    text = (root / "assets" / "studies" / "separation" / "study.yaml").read_text()
    file = tmp_path / "mine.yaml"
    file.write_text(f"{text.replace('resunet-compact', 'resunet-compat')}opens: 2030-02-31\n")
    assert study("check", file) == 1
    said = capsys.readouterr().err
    assert "did you mean resunet-compact" in said
    assert "2030-02-31" in said


def test_a_model_that_is_not_here_is_a_note(root: Path, tmp_path: Path, capsys: Capture) -> None:
    text = (root / "assets" / "studies" / "separation" / "study.yaml").read_text()
    file = tmp_path / "mine.yaml"
    file.write_text(text.replace("resunet-compact", "audiosep-32k"))
    assert study("check", file) == 0
    output = capsys.readouterr()
    assert "nothing is wrong" in output.out
    assert "lass download audiosep-32k" in output.err


def test_a_study_is_built_among_the_studies(built: Path) -> None:
    assert check(built) == []


def test_a_study_is_built_where_one_says(tmp_path: Path, capsys: Capture) -> None:
    source = small_source(tmp_path / "demo")
    assert study("build", source, "--out", tmp_path / "other-name", "--json") == 0
    facts = json.loads(capsys.readouterr().out)
    assert facts["study"] == "other-name"
    assert facts["folder"] == str(tmp_path / "other-name")
    assert facts["made"] == 3 * 3 + 2
    assert study("build", source.parent, "--out", tmp_path / "other-name", "--json") == 0
    assert json.loads(capsys.readouterr().out)["made"] == 0


def test_results_are_written_to_files(built: Path, home: Path, tmp_path: Path, capsys: Capture) -> None:
    out = tmp_path / "deep" / "results"
    assert study("close", "demo") == 0
    capsys.readouterr()
    for form in ("csv", "parquet", "jsonl", "webmushra"):
        assert study("export", "demo", "--format", form, "--out", out.with_suffix(f".{form}")) == 0
        assert capsys.readouterr().out == f"{out.with_suffix(f'.{form}')}\n"
        assert out.with_suffix(f".{form}").exists()
    assert study("report", built, "--out", out.with_suffix(".html")) == 0
    assert "<html" in out.with_suffix(".html").read_text(encoding="utf-8")
    assert study("report", "demo", "--language", "fr", "--out", out.with_suffix(".html")) == 0
    assert "Contrôle des évaluateurs" in out.with_suffix(".html").read_text(encoding="utf-8")
    assert study("report", "demo", "--language", "xx", "--out", out.with_suffix(".html")) == 1
    assert "choose one of en, fr" in capsys.readouterr().err


def test_the_scores_of_an_open_study_are_not_exported(built: Path, tmp_path: Path, capsys: Capture) -> None:
    out = tmp_path / "ratings.csv"
    assert study("export", "demo", "--out", out) == 1
    said = capsys.readouterr().err
    assert "demo is open" in said
    assert "--while-open" in said
    assert not out.exists()
    assert study("report", "demo", "--out", tmp_path / "report.html") == 0
    assert "means are hidden" in (tmp_path / "report.html").read_text(encoding="utf-8")
    assert study("export", "demo", "--out", out, "--while-open") == 0
    assert out.exists()


def test_a_study_that_was_closed_stays_closed_when_it_is_built_again(
    built: Path, home: Path, tmp_path: Path, capsys: Capture
) -> None:
    def is_open() -> bool:
        with Store.open(None, home) as store:
            return Studies(home / "studies", store).get("demo").study.is_open(time.time())

    assert is_open()
    assert study("close", "demo") == 0
    moment = (built / "closed.json").read_bytes()
    assert study("close", "demo") == 0
    assert (built / "closed.json").read_bytes() == moment
    assert not is_open()
    assert study("build", tmp_path / "demo" / "study.yaml") == 0
    assert not is_open()


def test_a_participant_is_deleted_by_the_reference_the_page_told(built: Path, home: Path, capsys: Capture) -> None:
    with Store.open(None, home) as store:
        tokens = [store.begin("demo", "0" * 64, 1, "en", "phone", False).token for _ in range(3)]
    assert all(re.fullmatch(r"[0-9a-f]{32}", token) for token in tokens), "none may look like an option"
    assert study("delete", "demo", reference(tokens[0])) == 0
    assert study("delete", "demo", tokens[1]) == 0
    assert capsys.readouterr().out == "deleted\ndeleted\n"
    for wrong in (tokens[0], "nobody"):
        assert study("delete", "demo", wrong) == 1
        assert "No participant of demo" in capsys.readouterr().err
    with Store.open(None, home) as store:
        assert [one.token for one in store.sessions("demo")] == [tokens[2]]


@pytest.mark.parametrize("action", ["export", "report"])
def test_results_of_a_study_that_is_not_there(action: str, tmp_path: Path, capsys: Capture) -> None:
    assert study(action, "nothing", "--out", tmp_path / "x") == 1
    assert "no built study nothing" in capsys.readouterr().err


@pytest.mark.parametrize(
    "arguments",
    [[], ["rate"], ["check"], ["build"], ["export", "demo"], ["export", "demo", "--format", "xls"], ["delete", "demo"]],
)
def test_bad_usage_is_told_apart(arguments: list[str], capsys: Capture) -> None:
    assert study(*arguments) == 2
    assert capsys.readouterr().err.startswith("usage: lass study")


@pytest.mark.parametrize("action", ["check", "build", "export", "report", "close", "delete"])
def test_every_action_explains_itself(action: str, capsys: Capture) -> None:
    assert study(action, "--help") == 0
    assert capsys.readouterr().out.startswith(f"usage: lass study {action}")
