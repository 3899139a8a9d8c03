"""The page "Separate": a recording and a sentence in, what was asked for and everything else out.

The page holds components and passes values on; what happens is in :mod:`lass.ui.work.service`, and when it happens in
:mod:`lass.ui.parts.errand`.
"""

from __future__ import annotations

from typing import Any

import gradio as gr

from lass.ui.parts import fragments, more
from lass.ui.parts.drafting import Collect, DraftButton, Rateable
from lass.ui.parts.errand import IN_ORDER, Errand
from lass.ui.parts.layout import SHOW_RESULTS, columns, example_buttons, scroll_to
from lass.ui.parts.more import MoreChoices
from lass.ui.parts.picker import AWAY, ModelPicker, Updates, shown, there
from lass.ui.parts.player import Picture, Remix, Track, player, player_value
from lass.ui.parts.recording import recording_input
from lass.ui.words.texts import Texts
from lass.ui.work.service import Choices, Example, Outcome, Service, Ticket

SHOW_PROGRESS = scroll_to("lass-separate-cancel", 0.85, "center")

Wish = tuple[str, str, str, Choices]
"""What is asked for: the recording, the words, the model, and what else."""


class SeparatePage:
    """The components of the page and what each event does to them. Make it inside a ``gr.Blocks`` context."""

    def __init__(
        self,
        service: Service,
        texts: Texts,
        examples: list[Example],
        collect: Collect | None = None,
        *,
        stand: bool = False,
    ) -> None:
        self.service = service
        self.texts = texts
        self.examples = examples
        self.collect = collect
        self.stand = stand
        if stand:
            self._examples(texts.stand.examples, texts.stand.examples_hint)
        columns(self._give, self._get)
        self._events()

    def _give(self) -> None:
        texts = self.texts
        self.recording = recording_input(
            label=texts.recording, sources=["upload", "microphone"], editable=False, buttons=[],
            elem_id="lass-recording",
        )  # fmt: skip
        gr.HTML(fragments.too_large(texts, self.service.limits.max_bytes), elem_id="lass-upload-limit")
        self.about_recording = gr.HTML(visible=False, elem_id="lass-about-recording")
        self.query = gr.Textbox(
            label=texts.query, placeholder=texts.query_placeholder, lines=1, max_lines=1,
            max_length=300, elem_id="lass-query",
        )  # fmt: skip
        self.about_query = gr.HTML(visible=False, elem_id="lass-about-query")
        self.more = MoreChoices(texts)
        self.errand = Errand(self.service, texts.separate, "separate", separating=texts.separating)
        self.picker = ModelPicker(self.service, texts)

    def _get(self) -> None:
        texts = self.texts
        with gr.Column(elem_classes=AWAY, elem_id="lass-results") as self.results:
            self.heard = gr.HTML(elem_id="lass-heard")
            self.player = player(elem_id="lass-player")
            self.details = gr.HTML(elem_id="lass-details")
            with gr.Row(elem_classes="lass-downloads"):
                self.get_target = gr.DownloadButton(texts.download_target, size="md", elem_id="lass-get-target")
                self.get_residual = gr.DownloadButton(texts.download_residual, size="md", elem_id="lass-get-residual")
            self.get_stems = gr.File(
                label=texts.pages.more.files, file_count="multiple", interactive=False, elem_classes=AWAY,
                elem_id="lass-get-stems",
            )  # fmt: skip
            with gr.Row(elem_classes="lass-downloads"):
                self.get_all = gr.DownloadButton(texts.download_all, size="md", elem_id="lass-get-all")
                self.get_report = gr.DownloadButton(texts.download_report, size="md", elem_id="lass-get-report")
            self.draft = DraftButton(texts, self.collect)
        if not self.stand:
            self._examples(texts.examples, texts.examples_hint)

    def _examples(self, heading: str, hint: str) -> None:
        gr.HTML(fragments.section(heading, hint), visible=bool(self.examples))
        self.example_buttons = example_buttons(self.texts, self.examples)

    def _events(self) -> None:
        outputs = [
            self.about_recording, self.about_query, self.results, self.heard, self.player, self.get_target,
            self.get_residual, self.details, self.get_all, self.get_report, self.get_stems, *self.draft.outputs,
        ]  # fmt: skip
        fields = [self.recording, self.query, *self.more.shown]
        # A part or an example is in its fields first, then the work begins as if the button had been pressed.
        filled = [
            button.click(self._filler(example), None, fields, **IN_ORDER)
            for button, example in zip(self.example_buttons, self.examples, strict=True)
        ]
        starts = [
            self.errand.start.click, self.query.submit, *(field.submit for field in self.more.fields),
            self.more.take_part(self.player, IN_ORDER).success, *(each.success for each in filled),
        ]  # fmt: skip
        self.errand.listen(
            [(start, self.wish) for start in starts],
            [self.recording, self.query, self.picker.model, *self.more.inputs],
            work=self._work, show=self._finished, clear=self._clear, outputs=outputs, complain=self._complaints,
            begun=SHOW_PROGRESS, after=SHOW_RESULTS,
        )  # fmt: skip
        self.errand.forget_on(self.recording.start_recording)
        gr.on(
            [self.recording.upload, self.recording.clear, self.recording.stop_recording],
            self._named, [self.recording], [self.recording], **IN_ORDER,
        )  # fmt: skip
        self.more.listen(IN_ORDER, self.recording)
        self.picker.listen(IN_ORDER)

    def wish(self, recording: str | None, query: str | None, model: str | None, *further: Any) -> Wish:
        """What the inputs ask for; ``further`` are the values of MoreChoices."""
        return recording or "", query or "", model or "", self.more.choices(*further)

    def _complaints(self, *values: Any) -> Updates:
        """What is missing, said beside it."""
        recording, query, _, choices = self.wish(*values)
        about_recording, about_query = self.service.complaint(recording, query, choices.more)
        if not (about_recording or about_query):
            return {}
        return {
            self.about_recording: shown(fragments.alert(about_recording)),
            self.about_query: shown(fragments.alert(about_query)),
        }

    def _work(self, wish: Wish, ticket: Ticket) -> Any:
        return self.service.run(*wish, ticket=ticket)

    def _named(self, recording: str | None) -> Any:
        from lass.audio import shown as shown_name

        label = self.texts.recording_named.format(name=shown_name(recording)) if recording else None
        return gr.update(label=label or self.texts.recording)

    def _filler(self, example: Example) -> Any:
        label = self.texts.recording_named.format(name=example.title)

        def fill() -> Updates:
            recording = gr.update(value=str(example.path), label=label)
            return {**self.more.reset(), self.recording: recording, self.query: example.query}

        return fill

    def _clear(self) -> Updates:
        cleared = dict.fromkeys((self.get_target, self.get_residual, self.get_all, self.get_report))
        hidden = {sentence: shown("") for sentence in (self.about_recording, self.about_query, self.heard)}
        return {
            **cleared,
            **hidden,
            **self.draft.offer(),
            self.player: None,
            self.get_stems: there(False, value=None),
            self.results: there(False),
        }

    def _finished(self, outcome: Outcome) -> Updates:
        texts, report = self.texts, outcome.report
        words, stems = texts.pages.more, bool(outcome.stems)
        return {
            self.results: there(True),
            self.heard: shown(more.understanding(texts, outcome)),
            self.player: self._sounds(outcome) if more.is_plain(outcome) else more.sounds(texts, outcome),
            self.get_target: there(
                not stems, value=str(outcome.target),
                label=texts.download_target if more.is_plain(outcome) else words.download_edited,
            ),
            self.get_residual: gr.update(
                value=str(outcome.residual), label=more.residual_button(texts, outcome)
            ),
            self.get_stems: there(stems, value=[str(stem) for stem in outcome.stems] or None),
            self.details: fragments.details(texts, report, outcome.model_title),
            self.get_all: str(outcome.archive),
            self.get_report: str(outcome.report_file),
            **self.draft.offer(*_rateable(outcome)),
        }

    def _sounds(self, outcome: Outcome) -> dict[str, Any]:
        """What the player shows: the target, the recording as the sum of both parts, and everything else."""
        texts, query = self.texts, outcome.report["query"]
        tracks = [
            Track("target", texts.target, outcome.target, hint=texts.quoted.format(query=query)),
            Track("mixture", texts.mixture, sum_of=("target", "residual")),
            Track("residual", texts.residual, outcome.residual),
        ]
        alt = texts.picture_alt.format(query=query)
        panels = ("mixture", "target", "residual")
        picture = Picture(outcome.picture, alt, panels) if outcome.picture is not None else None
        return player_value(
            texts.player, tracks, title=texts.result_of.format(query=query),
            name=outcome.target.stem.removesuffix("-target"), picture=picture, remix=Remix(), part=True,
        )  # fmt: skip


def _rateable(outcome: Outcome) -> list[Rateable]:
    """A plain result can be rated; of stems, removals and parts nobody could say what they should sound like."""
    if not more.is_plain(outcome):
        return []
    parts = (outcome.target, outcome.residual)
    return [Rateable(parts, outcome.target, outcome.report["query"], outcome.report["model"])]

