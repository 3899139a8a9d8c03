"""What the further fields of the Separate page say, as the page reads them."""

from pathlib import Path

import gradio as gr
import pytest

from lass.ui.parts.more import MOST, MoreChoices, sounds
from lass.ui.words.texts import ENGLISH
from lass.ui.work.service import Outcome
from lass.ui.work.wish import Choices
from tests.ui.small import recording, small_service


@pytest.fixture(scope="module")
def more() -> MoreChoices:
    with gr.Blocks():
        return MoreChoices(ENGLISH)


def said(
    more: MoreChoices, *words: str, action: str = "keep", start: float | None = 0, end: float | None = 0
) -> Choices:
    return more.choices(*words, *[""] * (MOST - len(words)), action, start, end)


def test_fields_left_alone_ask_for_nothing_more(more: MoreChoices) -> None:
    assert said(more) == said(more, start=None, end=None) == said(more, " ") == Choices()
    assert said(more).whole


def test_further_words_are_kept_each_as_a_stem(more: MoreChoices) -> None:
    assert said(more, "rain", "", "a dog", action="remove") == Choices(("rain", "a dog"))
    assert said(more, action="remove").remove


def test_a_part_is_open_where_it_says_nought(more: MoreChoices) -> None:
    assert (said(more, start=2).start, said(more, start=2).end) == (2, None)
    assert not said(more, end=3).whole


def test_the_picture_of_several_stems_in_words_names_every_panel(tmp_path: Path) -> None:
    service = small_service(tmp_path / "scratch")
    *_, outcome = service.run(recording(tmp_path / "park.wav"), "rain", "half", Choices(("a dog",)))
    assert isinstance(outcome, Outcome)
    picture = sounds(ENGLISH, outcome)["picture"]
    assert len(picture["panels"]) == 4
    assert "Three" not in picture["alt"]
    assert "“rain”, “a dog”" in picture["alt"]
