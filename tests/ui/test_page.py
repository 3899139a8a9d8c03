"""What the page Separate makes of its inputs, called as Gradio calls it."""

from pathlib import Path
from typing import Any

import gradio as gr
import pytest

from lass.ui.pages.separate import SeparatePage
from lass.ui.words.texts import ENGLISH
from lass.ui.work.service import RESULT
from tests.ui.small import recording, small_service


@pytest.fixture
def page(tmp_path: Path) -> SeparatePage:
    with gr.Blocks():
        return SeparatePage(small_service(tmp_path / "scratch"), ENGLISH, [])


def begun(page: SeparatePage, recording: str | None, query: str) -> dict[Any, Any]:
    further = [component.value for component in page.more.inputs]
    return page.errand.beginner(page.wish)(None, recording, query, "half", *further)


def test_a_recording_and_words_give_both_sounds_and_a_player(page: SeparatePage, tmp_path: Path) -> None:
    ticket = begun(page, recording(tmp_path / "park.wav"), "rain")[page.errand.ticket]
    *_, last = page.errand.run(ticket)
    assert last[page.player]["title"] == ENGLISH.result_of.format(query="rain")
    assert Path(last[page.get_target]["value"]).is_file()
    assert Path(last[page.get_all]).is_file()
    assert len(list(page.service.scratch.glob(f"{RESULT}*"))) == 1


def test_what_is_missing_is_said_beside_it(page: SeparatePage, tmp_path: Path) -> None:
    updates = begun(page, None, "rain")
    assert ENGLISH.no_recording in updates[page.about_recording]["value"]
    assert not updates[page.about_query]["visible"]
    updates = begun(page, recording(tmp_path / "park.wav"), " ")
    assert ENGLISH.no_query in updates[page.about_query]["value"]
    assert updates[page.errand.ticket].called_off
