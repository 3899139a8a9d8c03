"""What the further fields of the Separate page say, as the page reads them."""

import re
from pathlib import Path
from typing import Any

import gradio as gr
import pytest

from lass.ui.pages.separate import SeparatePage
from lass.ui.parts.more import MOST, MoreChoices, sounds
from lass.ui.words.french import FRENCH
from lass.ui.words.texts import ENGLISH, Texts
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


def edited(texts: Texts, tmp_path: Path, choices: Choices) -> dict[str, Any]:
    """What the player shows of a recording of three seconds without, or with only, a sound."""
    service = small_service(tmp_path / "scratch")
    *_, outcome = service.run(recording(tmp_path / "park.wav", 3), "rain", "half", choices)
    assert isinstance(outcome, Outcome)
    return sounds(texts, outcome)


def ends(value: dict[str, Any]) -> tuple[str, str]:
    """What is written at the ends of the slider: for the target alone and for the residual alone."""
    assert value["remix"] == {"target": "target", "mixture": "mixture", "residual": "residual"}
    return value["words"]["only_target"], value["words"]["only_residual"]


def test_without_a_sound_the_ends_of_the_slider_are_the_recording_without_it_and_the_sound(tmp_path: Path) -> None:
    english, french = (edited(texts, tmp_path, Choices(remove=True)) for texts in (ENGLISH, FRENCH))
    assert ends(english) == ("Without the sound", "Only the sound")
    assert ends(french) == ("Sans le son", "Le son seul")
    assert english["title"] == "Without “rain”"
    assert "as it is now (Without “rain”), and what was removed" in english["picture"]["alt"]
    assert "le même modifié (Sans" in french["picture"]["alt"]


def test_of_a_part_the_ends_of_the_slider_are_the_changed_recording_and_what_was_removed(tmp_path: Path) -> None:
    english, french = (edited(texts, tmp_path, Choices(start=1, end=2)) for texts in (ENGLISH, FRENCH))
    assert ends(english) == ("As changed", "What was removed")
    assert ends(french) == ("Modifié", "Ce qui a été retiré")
    assert ends(edited(ENGLISH, tmp_path, Choices(remove=True, start=1, end=2)))[0] == "Without the sound"


@pytest.mark.parametrize("texts", [ENGLISH, FRENCH])
@pytest.mark.parametrize("further", [(), ("a dog",), ("a dog", "a bell")])
def test_what_adds_up_is_not_said_to_be_two_parts(tmp_path: Path, texts: Texts, further: tuple[str, ...]) -> None:
    with gr.Blocks():
        page = SeparatePage(small_service(tmp_path / "scratch").speaking(texts), texts, [])
    *_, outcome = page.service.run(recording(tmp_path / "park.wav"), "rain", "half", Choices(further))
    assert isinstance(outcome, Outcome)
    details = page._finished(outcome)[page.details]
    assert texts.details_more in details
    assert not re.search(r"\b(two|deux|both)\b", details)
