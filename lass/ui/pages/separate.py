"""The page "Separate": a recording and a sentence in, what was asked for and everything else out.

The page holds components and passes values on; what happens is in :mod:`lass.ui.work.service`. One event runs
separations: it listens to the visitor's ticket, which the button, the Enter key and the examples renew. Cancel
and every change of the input call the ticket off. Gradio's own ``cancels`` is not used: it waits for the running
window with a lock that every visitor's events need, and forgets a run that was begun meanwhile.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from typing import Any

import gradio as gr

from lass.errors import Cancelled
from lass.ui.parts import fragments, more
from lass.ui.parts.drafting import Collect, DraftButton, Rateable
from lass.ui.parts.more import MoreChoices
from lass.ui.parts.picker import ModelPicker, Updates, shown
from lass.ui.parts.player import Picture, Remix, Track, player, player_value
from lass.ui.parts.recording import recording_input
from lass.ui.words.texts import Texts
from lass.ui.work.service import Choices, Example, Outcome, Service, Ticket

SCROLL = """() => {
  const part = document.getElementById("%s");
  if (!part) return;
  const top = part.getBoundingClientRect().top;
  if (top > 0 && top < window.innerHeight * %s) return;
  const calm = window.matchMedia("(prefers-reduced-motion: reduce)").matches;
  part.scrollIntoView({ behavior: calm ? "auto" : "smooth", block: "%s" });
}"""
SHOW_PROGRESS = SCROLL % ("lass-cancel", 0.85, "center")
SHOW_RESULTS = SCROLL % ("lass-results", 0.5, "start")
"""On a phone most of the page is out of sight: bring into view what has just changed."""


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
        self.ticket = gr.State(None, delete_callback=_call_off)
        if stand:
            self._examples(texts.stand.examples, texts.stand.examples_hint)
        with gr.Row(elem_id="lass-columns", equal_height=False):
            with gr.Column(scale=5, min_width=320, elem_id="lass-give"):
                self._give()
            with gr.Column(scale=6, min_width=320, elem_id="lass-get"):
                self._get()
                if not stand:
                    self._examples(texts.examples, texts.examples_hint)
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
        self.separate = gr.Button(texts.separate, variant="primary", elem_id="lass-separate")
        self.cancel = gr.Button(texts.cancel, variant="stop", visible=False, elem_id="lass-cancel")
        self.status = gr.HTML(visible=False, elem_id="lass-status")
        self.alert = gr.HTML(visible=False, elem_id="lass-alert")
        self.picker = ModelPicker(self.service, texts)

    def _get(self) -> None:
        texts = self.texts
        with gr.Column(visible=False, elem_id="lass-results") as self.results:
            self.heard = gr.HTML(elem_id="lass-heard")
            self.player = player(elem_id="lass-player")
            self.details = gr.HTML(elem_id="lass-details")
            with gr.Row(elem_classes="lass-downloads"):
                self.get_target = gr.DownloadButton(texts.download_target, size="md", elem_id="lass-get-target")
                self.get_residual = gr.DownloadButton(texts.download_residual, size="md", elem_id="lass-get-residual")
            self.get_stems = gr.File(
                label=texts.pages.more.files, file_count="multiple", interactive=False, visible=False,
                elem_id="lass-get-stems",
            )  # fmt: skip
            with gr.Row(elem_classes="lass-downloads"):
                self.get_all = gr.DownloadButton(texts.download_all, size="md", elem_id="lass-get-all")
                self.get_report = gr.DownloadButton(texts.download_report, size="md", elem_id="lass-get-report")
            self.draft = DraftButton(texts, self.collect)

    def _examples(self, heading: str, hint: str) -> None:
        self.example_buttons: list[gr.Button] = []
        if not self.examples:
            return
        gr.HTML(fragments.section(heading, hint))
        with gr.Row(elem_id="lass-examples"):
            for number, example in enumerate(self.examples, start=1):
                words = f"{example.title}\n{self.texts.example_query.format(query=example.query)}"
                button = gr.Button(words, elem_id=f"lass-example-{number}", elem_classes="lass-example", min_width=0)
                self.example_buttons.append(button)

    def _events(self) -> None:
        quiet: dict[str, Any] = {"api_visibility": "private", "show_progress": "hidden"}
        # One line for all that a visitor does, so that it is answered in the order in which it was done; never behind
        # a separation. A changed gr.State would not be announced to the page by events that skip the queue.
        in_order: dict[str, Any] = {**quiet, "concurrency_id": "page", "concurrency_limit": 1}
        everything = [
            self.about_recording, self.about_query, self.status, self.alert, self.separate, self.cancel,
            self.results, self.heard, self.player, self.get_target, self.get_residual, self.details, self.get_all,
            self.get_report, self.get_stems, *self.draft.outputs,
        ]  # fmt: skip
        given = [self.recording, self.query, self.picker.model, self.ticket, *self.more.inputs]
        starts = [self.separate.click, self.query.submit, *(field.submit for field in self.more.fields)]
        gr.on(starts, self.begin, given, [self.ticket, *everything], **in_order)
        # The part is in its fields first, then the work begins as if the button had been pressed.
        part = self.more.take_part(self.player, in_order)
        part.success(self.begin, given, [self.ticket, *everything], **in_order)
        self.more.listen(in_order, self.recording)
        gr.on(self.more.changes, self.forget, [self.ticket], everything, **in_order)
        for button, example in zip(self.example_buttons, self.examples, strict=True):
            picked = button.click(
                self._picker(example), [self.picker.model, self.ticket],
                [self.recording, self.query, self.ticket, *self.more.shown, *everything], **in_order,
            )  # fmt: skip
            picked.success(fn=None, js=SHOW_PROGRESS, **quiet)
        self.ticket.change(
            self.run, [self.ticket], everything,
            trigger_mode="multiple", concurrency_id="gpu", concurrency_limit=1, **quiet,
        ).success(fn=None, js=SHOW_RESULTS, **quiet)  # fmt: skip
        self.cancel.click(self.stop, [self.ticket], everything, **in_order)
        # A change, not an input: pasted words are no input to Gradio.
        self.query.change(self.retype, [self.query, self.ticket], everything, trigger_mode="always_last", **in_order)
        gr.on(
            [self.recording.upload, self.recording.clear, self.recording.start_recording,
             self.recording.stop_recording],
            self.take, [self.recording, self.ticket], [self.recording, *everything], **in_order,
        )  # fmt: skip
        self.picker.model.input(
            self.choose, [self.picker.model, self.ticket], [*self.picker.shown, *everything], **in_order
        )
        self.picker.listen(in_order)

    def begin(
        self, recording: str | None, query: str | None, model: str | None, ticket: Ticket | None, *further: Any
    ) -> Updates:
        """Say what is missing, or take a ticket and wait for a place. ``further`` are the values of MoreChoices."""
        _replace(ticket)
        choices = self.more.choices(*further) if further else Choices()
        about_recording, about_query = self.service.complaint(recording, query, choices.more)
        if about_recording or about_query:
            return {
                **self._idle(),
                self.about_recording: shown(fragments.alert(about_recording)),
                self.about_query: shown(fragments.alert(about_query)),
            }
        return {**self._busy(), self.ticket: Ticket(recording or "", query or "", model or "", choices)}

    def run(self, ticket: Ticket | None) -> Iterator[Updates]:
        """One separation, an update per window. Gradio closes it when the visitor leaves, which stops the work.

        What is wanted stands on the ticket: while this waited in the queue, the visitor may have asked for something
        else, and then this run does that, and the one that was queued for it finds the ticket taken.
        """
        if ticket is None or not ticket.take():
            yield {self.status: gr.skip()}
            return
        try:
            with closing(self.service.run(ticket.recording, ticket.query, ticket.model, ticket)) as steps:
                for step in steps:
                    if isinstance(step, Outcome):
                        yield self._finished(step)
                    else:
                        yield {**self._busy_buttons(), self.status: shown(fragments.progress(self.texts, step))}
        except Cancelled:
            yield {self.status: gr.skip()} if ticket.replaced else self._stopped()
        except Exception as error:  # noqa: BLE001 - every error becomes a sentence on the page
            yield {**self._idle(), self.alert: shown(fragments.alert(self.service.sentence(error)))}

    def stop(self, ticket: Ticket | None) -> Updates:
        """After Cancel: ready for another try, with everything the visitor gave still there."""
        _call_off(ticket)
        return self._stopped()

    def forget(self, ticket: Ticket | None) -> Updates:
        """After a change of the input: nothing on the page speaks of the one before."""
        _call_off(ticket)
        return self._idle()

    def retype(self, query: str | None, ticket: Ticket | None) -> Updates:
        """Other words. Who is quick presses Enter before this comes: then they are the words being separated."""
        if ticket is not None and not ticket.called_off:
            # After two quick clicks on examples, the words of the first may come in when the second is under way.
            examples = {example.query for example in self.examples}
            if ticket.query == query or {ticket.query, query} <= examples:
                return {self.status: gr.skip()}
        return self.forget(ticket)

    def take(self, recording: str | None, ticket: Ticket | None) -> Updates:
        """Another recording, or none: its name, and the old results gone, unless it is the one being separated."""
        if ticket is not None and not ticket.called_off and ticket.recording == recording:
            return {self.recording: self._named(recording)}
        return {**self.forget(ticket), self.recording: self._named(recording)}

    def choose(self, model: str | None, ticket: Ticket | None) -> Updates:
        """Another model: its line, and the old results gone."""
        return {**self.forget(ticket), **self.picker.choose(model)}

    def _named(self, recording: str | None) -> Any:
        from lass.audio import shown as shown_name

        label = self.texts.recording_named.format(name=shown_name(recording)) if recording else None
        return gr.update(label=label or self.texts.recording)

    def _picker(self, example: Example) -> Any:
        label = self.texts.recording_named.format(name=example.title)

        def pick(model: str | None, ticket: Ticket | None) -> Updates:
            _replace(ticket)
            recording = gr.update(value=str(example.path), label=label)
            return {
                **self._busy(),
                **self.more.reset(),
                self.recording: recording,
                self.query: example.query,
                self.ticket: Ticket(str(example.path), example.query, model or ""),
            }

        return pick

    def _idle(self) -> Updates:
        cleared: Updates = {
            component: gr.update(value=None)
            for component in (self.get_target, self.get_residual, self.get_all, self.get_report)
        }
        hidden = {
            component: shown("")
            for component in (self.about_recording, self.about_query, self.status, self.alert, self.heard)
        }
        return {
            **cleared,
            **hidden,
            **self.draft.offer(),
            self.player: None,
            self.get_stems: gr.update(value=None, visible=False),
            self.results: gr.update(visible=False),
            self.separate: gr.update(visible=True),
            self.cancel: gr.update(visible=False),
        }

    def _stopped(self) -> Updates:
        return {**self._idle(), self.status: shown(fragments.status(self.texts.cancelled))}

    def _busy(self) -> Updates:
        return {
            **self._idle(),
            **self._busy_buttons(),
            self.status: shown(fragments.progress(self.texts, None)),
        }

    def _busy_buttons(self) -> Updates:
        return {self.separate: gr.update(visible=False), self.cancel: gr.update(visible=True)}

    def _finished(self, outcome: Outcome) -> Updates:
        texts, report = self.texts, outcome.report
        words, stems = texts.pages.more, bool(outcome.stems)
        return {
            self.status: shown(fragments.status(texts.done)),
            self.separate: gr.update(visible=True),
            self.cancel: gr.update(visible=False),
            self.results: gr.update(visible=True),
            self.heard: shown(more.understanding(texts, outcome)),
            self.player: self._sounds(outcome) if more.is_plain(outcome) else more.sounds(texts, outcome),
            self.get_target: gr.update(
                value=str(outcome.target), visible=not stems,
                label=texts.download_target if more.is_plain(outcome) else words.download_edited,
            ),
            self.get_residual: gr.update(
                value=str(outcome.residual), label=more.residual_button(texts, outcome)
            ),
            self.get_stems: gr.update(value=[str(stem) for stem in outcome.stems] or None, visible=stems),
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


def _call_off(ticket: Ticket | None) -> None:
    if ticket is not None:
        ticket.call_off()


def _replace(ticket: Ticket | None) -> None:
    if ticket is not None:
        ticket.replace()
