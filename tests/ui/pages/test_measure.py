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
