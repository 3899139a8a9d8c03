"""Long work that a visitor asks for: a button that begins it, one that cancels it, and the sentences in between.

As on the page Separate, one event does the work: it listens to the visitor's ticket, which the buttons renew, and
shares its place in the queue with every other separation. Cancel and every change of the input call the ticket off.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import closing
from typing import Any

import gradio as gr

from lass.errors import Cancelled, LassError
from lass.ui.parts import fragments, page_fragments
from lass.ui.parts.picker import Updates, shown
from lass.ui.work.service import Service
from lass.ui.work.wish import Ticket
from lass.ui.work.workbench import Stage

QUIET: dict[str, Any] = {"api_visibility": "private", "show_progress": "hidden"}
IN_ORDER: dict[str, Any] = {**QUIET, "concurrency_id": "page", "concurrency_limit": 1}
"""Events of a page are answered one after the other, and never behind a separation."""

Work = Callable[[Any, Ticket], Generator[Any, None, None]]


class Errand:
    """The components of the work and its events. Make it inside a ``gr.Blocks`` context.

    Args:
        service: for its words and sentences.
        start: what the main button says.
        prefix: begins the ids of the components.
        separating: the sentence while windows are separated, with ``about``, ``done`` and ``total``.
        loading: the sentence while a model is loaded, with ``about``.
    """

    def __init__(self, service: Service, start: str, prefix: str, *, separating: str, loading: str = "") -> None:
        self.service = service
        self.texts = service.texts
        self.separating = separating
        self.loading = loading or self.texts.loading
        self.start = gr.Button(start, variant="primary", elem_id=f"lass-{prefix}-start", elem_classes="lass-start")
        self.cancel = gr.Button(
            self.texts.cancel, variant="stop", visible=False, elem_id=f"lass-{prefix}-cancel", elem_classes="lass-start"
        )
        self.status = gr.HTML(visible=False, elem_id=f"lass-{prefix}-status")
        self.alert = gr.HTML(visible=False, elem_id=f"lass-{prefix}-alert")
        self.ticket = gr.State(None, delete_callback=_call_off)

    def listen(
        self,
        starts: Sequence[tuple[Any, Callable[..., Any]]],
        inputs: Sequence[Any],
        *,
        work: Work,
        show: Callable[[Any], Updates],
        clear: Callable[[], Updates],
        outputs: Sequence[Any],
        after: str = "",
    ) -> None:
        """Connect the components.

        Args:
            starts: events, and what makes a wish of the inputs' values; it raises LassError for what is missing.
            inputs: whose values make the wish; a change of them forgets what was done before.
            work: does what a wish says: yields stages, and results, the last one last.
            show: what a result changes on the page.
            clear: what forgetting the results changes on the page.
            outputs: every component that ``show`` and ``clear`` change.
            after: script that the browser runs when the work is done.
        """
        self._work, self._show, self._clear = work, show, clear
        self._inputs, self._makers = list(inputs), [make for _, make in starts]
        everything = [self.start, self.cancel, self.status, self.alert, *outputs]
        for event, make in starts:
            event(self._beginner(make), [self.ticket, *inputs], [self.ticket, *everything], **IN_ORDER)
        self.ticket.change(
            self.run, [self.ticket], everything,
            trigger_mode="multiple", concurrency_id="gpu", concurrency_limit=1, **QUIET,
        ).success(fn=None, js=after or None, **QUIET)  # fmt: skip
        self.cancel.click(self.stop, [self.ticket], everything, **IN_ORDER)
        self._everything = everything

    def forget_on(self, events: Sequence[Any]) -> None:
        """Changes of the input after which nothing on the page may speak of the one before."""
        gr.on(list(events), self.forget, [self.ticket, *self._inputs], self._everything, **IN_ORDER)

    def _beginner(self, make: Callable[..., Any]) -> Callable[..., Updates]:
        def begin(ticket: Ticket | None, *values: Any) -> Updates:
            if ticket is not None:
                ticket.replace()
            try:
                wish = make(*values)
            except LassError as error:
                return {**self._idle(), self.alert: shown(fragments.alert(self.service.sentence(error)))}
            waiting = shown(fragments.progress(self.texts, None))
            return {**self._idle(), **self._busy(), self.status: waiting, self.ticket: Ticket(wish=wish)}

        return begin

    def run(self, ticket: Ticket | None) -> Iterator[Updates]:
        """The work, an update per step. Gradio closes it when the visitor leaves, which stops the work."""
        if ticket is None or not ticket.take():
            yield {self.status: gr.skip()}
            return
        try:
            with closing(self._work(ticket.wish, ticket)) as steps:
                for step in steps:
                    if isinstance(step, Stage):
                        sentence = page_fragments.progress(self.texts, step, self.separating, self.loading)
                        yield {**self._busy(), self.status: shown(sentence)}
                    else:
                        yield self._show(step)
            done = shown(fragments.status(self.texts.done))
            yield {self.start: gr.update(visible=True), self.cancel: gr.update(visible=False), self.status: done}
        except Cancelled:
            yield {self.status: gr.skip()} if ticket.replaced else self._stopped()
        except Exception as error:  # noqa: BLE001 - every error becomes a sentence on the page
            yield {**self._idle(), self.alert: shown(fragments.alert(self.service.sentence(error)))}

    def stop(self, ticket: Ticket | None) -> Updates:
        """After Cancel: ready for another try, with everything the visitor gave still there."""
        _call_off(ticket)
        return self._stopped()

    def forget(self, ticket: Ticket | None, *values: Any) -> Updates:
        """After a change of the input. Who is quick presses the button before this comes: then it is what is done."""
        if ticket is not None:
            for make in self._makers if values and not ticket.called_off else ():
                with contextlib.suppress(LassError):
                    if make(*values) == ticket.wish:
                        return {self.status: gr.skip()}
            ticket.replace()
        return self._idle()

    def _stopped(self) -> Updates:
        return {**self._idle(), self.status: shown(fragments.status(self.texts.cancelled))}

    def _idle(self) -> Updates:
        return {
            **self._clear(),
            self.start: gr.update(visible=True),
            self.cancel: gr.update(visible=False),
            self.status: shown(""),
            self.alert: shown(""),
        }

    def _busy(self) -> Updates:
        return {self.start: gr.update(visible=False), self.cancel: gr.update(visible=True)}


def _call_off(ticket: Ticket | None) -> None:
    if ticket is not None:
        ticket.call_off()
