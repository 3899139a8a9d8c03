"""What pages are laid out of: two columns, the shipped examples as buttons, the models of this machine."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import gradio as gr

from lass.ui.parts.errand import QUIET
from lass.ui.words.texts import Texts
from lass.ui.work.service import Example
from lass.ui.work.shelf import Shelf

_SCROLL = """() => {
  const part = document.getElementById("%s");
  if (!part) return;
  const top = part.getBoundingClientRect().top;
  if (top > 0 && top < window.innerHeight * %s) return;
  const calm = window.matchMedia("(prefers-reduced-motion: reduce)").matches;
  part.scrollIntoView({ behavior: calm ? "auto" : "smooth", block: "%s" });
}"""


def scroll_to(elem_id: str, within: float, block: str) -> str:
    """The script that brings into view what has just changed: on a phone most of a page is out of sight.

    Args:
        elem_id: what changed.
        within: it stays where it is if it begins in the upper part of the window, this share of its height.
        block: where it goes otherwise, as ``scrollIntoView`` says it.
    """
    return _SCROLL % (elem_id, within, block)


SHOW_RESULTS = scroll_to("lass-results", 0.5, "start")


def columns(give: Callable[[], None], get: Callable[[], None]) -> None:
    """What a visitor gives on the left, what comes of it on the right; on a phone one below the other.

    ``give`` and ``get`` make the components of each.
    """
    with gr.Row(elem_id="lass-columns", equal_height=False):
        with gr.Column(scale=5, min_width=320, elem_id="lass-give"):
            give()
        with gr.Column(scale=6, min_width=320, elem_id="lass-get"):
            get()


def example_buttons(texts: Texts, examples: Sequence[Example]) -> list[gr.Button]:
    """A button for each example, with its title and what is asked of it."""
    with gr.Row(elem_id="lass-examples"):
        return [
            gr.Button(
                f"{example.title}\n{texts.example_query.format(query=example.query)}",
                elem_id=f"lass-example-{number}", elem_classes="lass-example", min_width=0,
            )
            for number, example in enumerate(examples, start=1)
        ]  # fmt: skip


def usable_models(texts: Texts, shelf: Shelf) -> gr.Dropdown:
    """A choice among the models that can be used at once."""
    return gr.Dropdown(
        label=texts.model, choices=list(shelf.usable()), value=shelf.default(), filterable=False, elem_id="lass-model",
    )  # fmt: skip


def refresh_on_load(blocks: gr.Blocks, models: gr.Dropdown, shelf: Shelf) -> None:
    """A page that is opened offers the models of now, not those of the application's start."""
    blocks.load(lambda: gr.update(choices=shelf.usable()), None, [models], queue=False, **QUIET)
