"""What stands on the page Mix & measure before anything is asked of it."""

from pathlib import Path

import gradio as gr
import pytest

from lass.ui.pages.measure import MeasurePage
from lass.ui.words.french import FRENCH
from lass.ui.words.texts import ENGLISH, Texts
from lass.ui.work.measuring import Measuring
from tests.ui.small import small_service


@pytest.mark.parametrize(("texts", "made"), [(ENGLISH, "generated"), (FRENCH, "générés")])
def test_below_the_sounds_it_says_that_they_are_generated_and_easy(tmp_path: Path, texts: Texts, made: str) -> None:
    with gr.Blocks() as blocks:
        page = MeasurePage(Measuring(small_service(tmp_path / "scratch").speaking(texts)), texts)
    shown = list(blocks.blocks.values())
    (below,) = [block for block in shown if block.elem_id == "lass-shipped-hint"]
    assert shown.index(page.second) < shown.index(below) < shown.index(page.snr)
    assert made in below.value


def test_a_number_typed_beyond_the_ends_of_a_slider_is_its_end(tmp_path: Path) -> None:
    with gr.Blocks():
        page = MeasurePage(Measuring(small_service(tmp_path / "scratch")), ENGLISH)
    assert [page.snr.preprocess(value) for value in (50, -50, 3)] == [20, -20, 3]
    assert [page.offset.preprocess(value) for value in (99.5, -31, 0.2)] == [30, -30, 0.2]
