"""The model picker."""

from pathlib import Path

import gradio as gr

from lass.ui.parts.picker import ModelPicker
from lass.ui.words.french import FRENCH
from tests.ui.small import small_service


def test_a_model_that_is_unknown_is_a_sentence_in_the_language_of_the_page(tmp_path: Path) -> None:
    service = small_service(tmp_path / "scratch").speaking(FRENCH)
    with gr.Blocks():
        picker = ModelPicker(service, FRENCH)
    said = picker.choose("nope")[picker.about]
    assert "nope" in said
    assert FRENCH.unknown_model.partition("{")[0].split("«")[0] in said
