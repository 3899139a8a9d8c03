"""What the page Separate makes of its inputs, called as Gradio calls it."""

from pathlib import Path
from typing import Any

import gradio as gr
import pytest

from lass.ui.pages.separate import SeparatePage
from lass.ui.words.french import FRENCH
from lass.ui.words.texts import ENGLISH, Texts
from lass.ui.work.service import RESULT, Example
from tests.ui.small import recording, small_service

VISITOR = gr.Request(session_hash="ann")


@pytest.fixture
def page(tmp_path: Path) -> SeparatePage:
    with gr.Blocks():
        return SeparatePage(small_service(tmp_path / "scratch"), ENGLISH, [])


def begun(page: SeparatePage, recording: str | None, query: str) -> dict[Any, Any]:
    further = [component.value for component in page.more.inputs]
    return page.errand.beginner(page.wish)(VISITOR, None, recording, query, "half", *further)


def test_a_recording_and_words_give_both_sounds_and_a_player(page: SeparatePage, tmp_path: Path) -> None:
    ticket = begun(page, recording(tmp_path / "park.wav"), "rain")[page.errand.ticket]
    *_, last = page.errand.run(ticket)
    assert last[page.player]["title"] == ENGLISH.result_of.format(query="rain")
    assert Path(last[page.get_target]["value"]).is_file()
    assert Path(last[page.get_all]).is_file()
    assert len(list(page.service.scratch.glob(f"{RESULT}*"))) == 1


@pytest.mark.parametrize(("texts", "verb"), [(ENGLISH, "separates"), (FRENCH, "sépare")])
def test_beside_the_examples_it_says_what_a_click_does(tmp_path: Path, texts: Texts, verb: str) -> None:
    example = Example("An owl", "an owl", Path(recording(tmp_path / "owl.wav")))
    with gr.Blocks() as blocks:
        SeparatePage(small_service(tmp_path / "scratch").speaking(texts), texts, [example])
    (section,) = [
        block.value for block in blocks.blocks.values()
        if isinstance(block, gr.HTML) and texts.examples_hint in str(block.value)
    ]  # fmt: skip
    assert verb in section
    assert "play" not in section


@pytest.mark.parametrize("texts", [ENGLISH, FRENCH])
@pytest.mark.parametrize("ends", [(-3, 0), (0, -2), (4, 2)])
def test_a_part_that_cannot_be_is_one_sentence_on_the_page(
    tmp_path: Path, texts: Texts, ends: tuple[float, float]
) -> None:
    with gr.Blocks():
        page = SeparatePage(small_service(tmp_path / "scratch").speaking(texts), texts, [])
    # As Gradio hands values on: it refuses some by itself.
    start, end = (field.preprocess(value) for field, value in zip((page.more.start, page.more.end), ends, strict=True))
    *further, _, _ = (component.value for component in page.more.inputs)
    path = recording(tmp_path / "park.wav", 6)
    ticket = page.errand.beginner(page.wish)(VISITOR, None, path, "rain", "half", *further, start, end)
    *_, last = page.errand.run(ticket[page.errand.ticket])
    beginning = "The part" if texts is ENGLISH else "La partie"
    assert f">{beginning}" in last[page.errand.alert]["value"]


def test_what_is_missing_is_said_beside_it(page: SeparatePage, tmp_path: Path) -> None:
    updates = begun(page, None, "rain")
    assert ENGLISH.no_recording in updates[page.about_recording]["value"]
    assert not updates[page.about_query]["visible"]
    updates = begun(page, recording(tmp_path / "park.wav"), " ")
    assert ENGLISH.no_query in updates[page.about_query]["value"]
    assert updates[page.errand.ticket].called_off
