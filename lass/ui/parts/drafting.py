"""The button under a result that adds it to the draft of a listening test."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import gradio as gr

from lass.errors import LassError
from lass.ui.parts import fragments
from lass.ui.parts.picker import AWAY, Updates, shown, there
from lass.ui.words.sentences import told
from lass.ui.words.texts import Texts


@dataclass(frozen=True)
class Rateable:
    """A result that people could rate.

    ``mixture`` are recordings that add up to what was separated, ``target`` is what came out for the ``query``.
    """

    mixture: tuple[Path, ...]
    target: Path
    query: str
    model: str


Collect = Callable[[tuple[Path, ...], Path, str, str], Path]
"""Adds a result (mixture, target, query and the model's name) to a draft, and says which file the draft is."""


class DraftButton:
    """The button and what it answers. Make it inside a ``gr.Blocks`` context, among the results.

    Args:
        collect: keeps a result, or None where visitors may not write to this machine: then nothing is drawn.
    """

    def __init__(self, texts: Texts, collect: Collect | None) -> None:
        self._texts = texts
        self._collect = collect
        self.results = gr.State(())
        self.button = gr.Button(
            texts.draft_add, size="md", visible=collect is not None, elem_classes=AWAY, elem_id="lass-draft"
        )
        self.answer = gr.HTML(visible=False, elem_id="lass-draft-answer")
        if collect is not None:
            self.button.click(
                self.add, [self.results], [self.answer], api_visibility="private", show_progress="hidden",
                concurrency_id="page", concurrency_limit=1, trigger_mode="once",
            )  # fmt: skip

    @property
    def outputs(self) -> list[gr.components.Component]:
        """What :meth:`offer` changes."""
        return [self.results, self.button, self.answer]

    def offer(self, *results: Rateable) -> Updates:
        """The results that the button would add now; with none of them it is not there."""
        return {self.results: results, self.button: there(bool(results)), self.answer: shown("")}

    def add(self, results: tuple[Rateable, ...]) -> Updates:
        """Add what is there, and say where it went."""
        if self._collect is None or not results:
            return {self.answer: shown("")}
        try:
            for result in results:
                file = self._collect(result.mixture, result.target, result.query, result.model)
        except LassError as error:
            return {self.answer: shown(fragments.alert(told(self._texts, str(error))))}
        return {self.answer: shown(fragments.status(self._texts.draft_added.format(folder=file.parent)))}
