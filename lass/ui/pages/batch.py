"""The page "Batch": several recordings or a zip of them in, a zip of results and a table out."""

from __future__ import annotations

from typing import Any

import gradio as gr

from lass.ui.parts import fragments, page_fragments
from lass.ui.parts.errand import Errand
from lass.ui.parts.layout import SHOW_RESULTS, columns, refresh_on_load, usable_models
from lass.ui.parts.picker import AWAY, Updates, there
from lass.ui.parts.recording import files_input
from lass.ui.words.texts import Texts
from lass.ui.work.batching import MOST_JOBS, MOST_SECONDS, Batch, Batching, Order


class BatchPage:
    """The components of the page and what each event does to them. Make it inside a ``gr.Blocks`` context."""

    def __init__(self, batching: Batching, texts: Texts) -> None:
        self.batching = batching
        self.texts = texts
        self.words = texts.pages.batch
        gr.HTML(page_fragments.intro(self.words.title, self.words.intro))
        columns(self._give, self._get)
        self._events()

    def _give(self) -> None:
        words, service = self.words, self.batching.service
        minutes = max(MOST_SECONDS, service.limits.max_seconds) / 60
        self.files = files_input(label=words.files, height=170, elem_id="lass-files")
        hint = words.files_hint.format(jobs=MOST_JOBS, minutes=f"{minutes:.0f}")
        gr.HTML(f'<p class="lass-details">{hint}</p>')
        self.queries = gr.Textbox(
            label=words.queries, info=words.queries_hint, placeholder=self.texts.query_placeholder, lines=3,
            max_lines=8, max_length=3_000, elem_id="lass-queries",
        )  # fmt: skip
        more = self.texts.pages.more
        self.action = gr.Radio(
            [(more.keep_it, "keep"), (more.remove_it, "remove")], value="keep", label=words.action,
            elem_id="lass-action",
        )  # fmt: skip
        self.model = usable_models(self.texts, service.shelf)
        self.errand = Errand(service, words.start, "batch", separating=words.separating)

    def _get(self) -> None:
        words = self.words
        gr.HTML(page_fragments.beside(words.beside), elem_classes="lass-beside")
        with gr.Column(elem_classes=AWAY, elem_id="lass-results") as self.results:
            gr.HTML(fragments.section(words.results))
            self.rows = gr.HTML(elem_id="lass-rows")
            with gr.Column(elem_classes=AWAY, elem_id="lass-packed") as self.packed:
                self.get_all = gr.DownloadButton(words.download, variant="primary", size="md", elem_id="lass-get-all")
                self.get_table = gr.DownloadButton(words.table, size="md", elem_id="lass-get-table")

    def _events(self) -> None:
        self.errand.listen(
            [(self.errand.start.click, self._wish)], [self.files, self.queries, self.action, self.model],
            work=self.batching.run, show=self._show, clear=self._clear,
            outputs=[self.results, self.rows, self.packed, self.get_all, self.get_table], after=SHOW_RESULTS,
        )  # fmt: skip

    def refresh_on_load(self, blocks: gr.Blocks) -> None:
        """A page that is opened offers the models of now."""
        refresh_on_load(blocks, self.model, self.batching.service.shelf)

    def _wish(self, files: list[str] | None, queries: str | None, action: str | None, model: str | None) -> Order:
        lines = tuple((queries or "").splitlines())
        return self.batching.check(Order(tuple(files or ()), lines, model or "", remove=action == "remove"))

    def _show(self, batch: Batch) -> Updates:
        updates: dict[Any, Any] = {
            self.results: there(True),
            self.rows: page_fragments.batch_rows(self.texts, batch),
        }
        if batch.table is not None:
            updates[self.packed] = there(True)
            updates[self.get_table] = str(batch.table)
            # Where nothing could be separated, there is no archive to be had.
            archive = None if batch.archive is None else str(batch.archive)
            updates[self.get_all] = gr.update(value=archive, interactive=archive is not None)
        return updates

    def _clear(self) -> Updates:
        return {
            self.results: there(False),
            self.rows: "",
            self.packed: there(False),
            self.get_all: None,
            self.get_table: None,
        }
