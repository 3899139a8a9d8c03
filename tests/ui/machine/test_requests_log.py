"""Where the lines about separations go, and by what words they tell a failure."""

import json
import logging
from collections.abc import Iterator
from pathlib import Path

import pytest

from lass.errors import AudioError, LassError, ModelError, QueryError, SettingsError
from lass.ui.machine.faults import DeviceLostError
from lass.ui.machine.memory import MemoryShortError
from lass.ui.machine.metrics import Metrics
from lass.ui.machine.requests_log import REQUESTS_LOG, Request, configure, kind_of
from lass.ui.machine.space import NoRoomError


@pytest.fixture(autouse=True)
def as_before() -> Iterator[None]:
    log, root = logging.getLogger(REQUESTS_LOG), logging.getLogger()
    before = log.level, log.propagate, log.handlers.copy(), root.level, root.handlers.copy()
    yield
    log.level, log.propagate, log.handlers, root.level, root.handlers = before
    log.manager._clear_cache()  # type: ignore[attr-defined]


def test_without_a_word_from_anybody_they_go_to_the_console(capsys: pytest.CaptureFixture[str]) -> None:
    logging.getLogger().handlers = []
    configure(None)
    configure(None)
    Request(Metrics(), "half", 2.0).done()
    (line,) = capsys.readouterr().err.splitlines()
    assert json.loads(line)["outcome"] == "done"


def test_whoever_set_up_logging_is_obeyed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file, place = tmp_path / "logging.json", tmp_path / "requests.log"
    handler = {"class": "logging.FileHandler", "filename": str(place)}
    file.write_text(json.dumps({"handlers": {"file": handler}, "root": {"handlers": ["file"], "level": "INFO"}}))
    configure(file)
    Request(Metrics(), "half", 2.0).ended(MemoryShortError())
    logging.getLogger().handlers[-1].close()
    line = json.loads(place.read_text(encoding="utf-8"))
    assert (line["outcome"], line["failure"]) == ("failed", "memory")
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize("text", ["", "no json", "[]", '{"handlers": {"a": {"class": "no.Handler"}}}', '{"root": 5}'])
def test_a_file_that_is_none_is_one_sentence(tmp_path: Path, text: str) -> None:
    file = tmp_path / "logging.json"
    file.write_text(text)
    with pytest.raises(SettingsError, match=r"logging\.json cannot be used") as caught:
        configure(file)
    assert str(caught.value).isprintable()


def test_kinds_of_failure() -> None:
    errors = [AudioError(""), QueryError(""), ModelError(""), MemoryShortError(), NoRoomError(""), DeviceLostError(),
              LassError(""), RuntimeError("")]  # fmt: skip
    found = [kind_of(error) for error in errors]
    assert found == ["recording", "query", "model", "memory", "disk", "device", "other", "fault"]
