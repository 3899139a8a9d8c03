"""What Gradio reads from the environment, before Gradio reads it."""

import atexit
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from lass.errors import SettingsError
from lass.ui.serving import environment
from lass.ui.serving.environment import prepare
from tests.browser.server import ROOT


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.setattr(atexit, "register", lambda *_: None)
    return tmp_path


@pytest.mark.parametrize("name", ["GRADIO_SERVER_PORT", "GRADIO_NUM_PORTS"])
@pytest.mark.parametrize("text", ["abc", "0", "-1", "65536", "7860.5", "9" * 5_000, "\u0667\u0668\u0666", "7860\n80"])
def test_a_number_that_is_none_is_one_sentence(name: str, text: str) -> None:
    with pytest.raises(SettingsError) as caught:
        prepare({name: text})
    said = str(caught.value)
    assert said.startswith(name)
    assert said.isprintable()
    assert len(said) < 200


def test_numbers_and_none() -> None:
    given = {"GRADIO_SERVER_PORT": " 7870 ", "GRADIO_NUM_PORTS": ""}
    prepare(given)
    assert given["GRADIO_SERVER_PORT"] == " 7870 "
    assert "GRADIO_NUM_PORTS" not in given  # Gradio would stumble over it


def test_visitors_files_get_a_folder_of_this_run(here: Path) -> None:
    given: dict[str, str] = {}
    prepare(given)
    folder = Path(given["GRADIO_TEMP_DIR"])
    assert folder.is_dir()
    assert here.resolve() in folder.parents


def test_a_folder_that_was_chosen_stays(here: Path) -> None:
    given = {"GRADIO_TEMP_DIR": str(here / "mine")}
    prepare(given)
    assert given == {"GRADIO_TEMP_DIR": str(here / "mine")}


def test_the_proxy_of_a_space_is_believed_and_no_other(here: Path) -> None:
    for given, believed in [
        ({}, None),
        ({"SPACE_ID": "someone/lass"}, "*"),
        ({"SPACE_ID": "someone/lass", "FORWARDED_ALLOW_IPS": "10.0.0.1"}, "10.0.0.1"),
    ]:
        prepare(given)
        assert given.get("FORWARDED_ALLOW_IPS") == believed


def test_only_the_process_that_made_the_folder_removes_it(here: Path) -> None:
    environment._remove(here, -1)
    assert here.exists()


def test_a_port_that_is_none_does_not_start_the_application(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GRADIO_SERVER_PORT", "abc")
    run = subprocess.run(
        [sys.executable, "app.py"], cwd=ROOT, capture_output=True, text=True, timeout=120, check=False
    )
    assert run.returncode == 1
    assert run.stderr.strip() == "lass: GRADIO_SERVER_PORT is 'abc'; set it to a port, a whole number from 1 to 65535."
