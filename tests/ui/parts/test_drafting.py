"""The button that adds results to the draft of a listening test, and the draft that comes of it."""

from pathlib import Path
from typing import Any

import gradio as gr
import numpy as np
import pytest
import soundfile

from lass.errors import LassError
from lass.listening.design.study import load_study
from lass.settings import Settings
from lass.ui.parts.drafting import DraftButton, Rateable
from lass.ui.parts.picker import AWAY
from lass.ui.serving.studies import ListeningTest
from lass.ui.words import texts
from lass.ui.words.french import FRENCH


def parts(folder: Path, rng: np.random.Generator) -> tuple[Path, Path]:
    """A target and a residual as a separation leaves them."""
    files = (folder / "target.wav", folder / "residual.wav")
    for file in files:
        soundfile.write(file, 0.1 * rng.standard_normal(32000), 32000, subtype="FLOAT")
    return files


def press(button: DraftButton, *results: Rateable) -> dict[str, Any]:
    (update,) = button.add(results).values()
    return dict(update)


@pytest.fixture
def listening(tmp_path: Path) -> ListeningTest:
    return ListeningTest(Settings(data_dir=tmp_path / "data"))


def test_results_of_two_models_become_one_item_of_a_study(
    listening: ListeningTest, tmp_path: Path, rng: np.random.Generator
) -> None:
    target, residual = parts(tmp_path, rng)
    with gr.Blocks():
        button = DraftButton(texts.ENGLISH, listening.collect)
    results = [Rateable((target, residual), target, "a dog barking", model) for model in ("one", "two")]
    answer = press(button, *results)
    assert str(listening.drafts / "my-study") in answer["value"]
    study = load_study(listening.drafts / "my-study")
    assert [condition.id for condition in study.conditions] == ["one", "two"]
    (item,) = study.items
    mixture, _ = soundfile.read(listening.drafts / "my-study" / item.mixture)
    whole = soundfile.read(target)[0] + soundfile.read(residual)[0]
    assert np.abs(mixture[:, 0] - whole).max() < 1e-3


def test_a_refusal_is_told_in_its_own_words() -> None:
    def full(*result: Any) -> Path:
        raise LassError("The draft is full; begin another one.")

    with gr.Blocks():
        button = DraftButton(texts.ENGLISH, full)
    assert "The draft is full" in press(button, Rateable((), Path("x"), "rain", "one"))["value"]


def test_nothing_happens_without_a_result_and_nothing_is_drawn_for_strangers(listening: ListeningTest) -> None:
    with gr.Blocks():
        button, absent = DraftButton(texts.ENGLISH, listening.collect), DraftButton(texts.ENGLISH, None)
    assert press(button)["visible"] is False
    assert not listening.drafts.exists()
    assert button.button.visible is True
    assert absent.button.visible is False


def test_a_refusal_is_told_in_the_language_of_the_page() -> None:
    def gone(*result: Any) -> Path:
        raise LassError("A result is no longer there; separate again.")

    with gr.Blocks():
        button = DraftButton(FRENCH, gone)
    assert "Un résultat n’est plus là" in press(button, Rateable((), Path("x"), "rain", "one"))["value"]


def test_with_nothing_to_rate_there_is_no_button(listening: ListeningTest, tmp_path: Path) -> None:
    with gr.Blocks():
        button = DraftButton(texts.ENGLISH, listening.collect)
    result = Rateable((tmp_path / "a.wav",), tmp_path / "a.wav", "a dog barking", "one")
    assert button.button in button.outputs
    assert button.button.elem_classes == [AWAY]
    assert button.offer()[button.button]["elem_classes"] == [AWAY]
    assert button.offer(result)[button.button]["elem_classes"] == []
