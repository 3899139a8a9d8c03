"""Long work that a visitor asks for: a button that begins it, one that cancels it, and the sentences in between.

One event does the work: it listens to the visitor's ticket, which the buttons renew, and shares its place in the queue
with every other separation. Cancel and every change of an input call the ticket off. Gradio's own ``cancels`` is not
used: it waits for the running window with a lock that every visitor's events need, and forgets a run that was begun
meanwhile.

Gradio tells of a change later than it shows it, so that the news of the last letter may come after the button was
pressed. The ticket therefore remembers what the inputs held when it was asked for, also where that was refused: a
change that brings just this is no news.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import closing
from copy import copy
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
"""Events of a page are answered one after the other, and never behind a separation. They do not skip the queue: a
changed gr.State would not be announced to the page."""

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
        self.line = service.bench.line
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
        complain: Callable[..., Updates] | None = None,
        begun: str = "",
        after: str = "",
    ) -> None:
        """Connect the components.

        Args:
            starts: events, and what makes a wish of the inputs' values; it raises LassError for what is missing.
            inputs: whose values make the wish; a change of one of them forgets what was done before.
            work: does what a wish says: yields stages, and results, the last one last.
            show: what a result changes on the page.
            clear: what forgetting the results changes on the page.
            outputs: every component that ``show``, ``clear`` and ``complain`` change.
            complain: of the inputs' values, what is said beside those that are missing; nothing where all are there.
            begun: script that the browser runs when the work was asked for.
            after: script that the browser runs when the work is done.
        """
        self._work, self._show, self._clear, self._complain = work, show, clear, complain
        self._everything = [self.start, self.cancel, self.status, self.alert, *outputs]
        for event, make in starts:
            asked = event(self.beginner(make), [self.ticket, *inputs], [self.ticket, *self._everything], **IN_ORDER)
            if begun:
                asked.success(fn=None, js=begun, **QUIET)
        # A change and not an input: pasted words, and what an example or another field fills in, are no input.
        for number, component in enumerate(inputs):
            component.change(
                self.listener(number), [self.ticket, component], self._everything, trigger_mode="always_last",
                **IN_ORDER,
            )  # fmt: skip
        self.ticket.change(
            self.run, [self.ticket], self._everything,
            trigger_mode="multiple", concurrency_id="gpu", concurrency_limit=1, **QUIET,
        ).success(fn=None, js=after or None, **QUIET)  # fmt: skip
        self.cancel.click(self.stop, [self.ticket], self._everything, **IN_ORDER)

    def forget_on(self, event: Any) -> None:
        """An event that is always news, whatever the inputs hold."""
        event(self.forget, [self.ticket], self._everything, **IN_ORDER)

    def beginner(self, make: Callable[..., Any]) -> Callable[..., Updates]:
        """What answers an event that asks for work: a ticket, or what is missing. ``make`` makes the wish."""

        def begin(request: gr.Request, ticket: Ticket | None, *values: Any) -> Updates:
            if ticket is not None:
                ticket.replace()
            complaints = self._complain(*values) if self._complain is not None else {}
            if not complaints:
                try:
                    wish = make(*values)
                except LassError as error:
                    complaints = self._alert(error)
            if complaints:
                refused = Ticket(given=values)
                refused.call_off()
                return {**self._idle(), **complaints, self.ticket: refused}
            new = Ticket(wish, values)
            waiting = shown(fragments.waiting(self.texts, self.line.join(new, str(request.session_hash))))
            return {**self._idle(), **self._busy(), self.status: waiting, self.ticket: new}

        return begin

    def run(self, ticket: Ticket | None) -> Iterator[Updates]:
        """The work, an update per step. Gradio closes it when the visitor leaves, which stops the work.

        What is wanted stands on the ticket: while this waited in the queue, the visitor may have asked for something
        else, and then this run does that, and the one that was queued for it finds the ticket taken.

        Every update repeats what those before it said: of updates that reach the browser in one go, Gradio applies
        some only as the last one left them.
        """
        if ticket is None or ticket.called_off or not ticket.take():
            yield {self.status: gr.skip()}
            return
        page: Updates = {}
        try:
            with self.line.served(ticket) as under_way, closing(self._work(ticket.wish, ticket)) as steps:
                for step in steps:
                    if isinstance(step, Stage) and not step.about:
                        # Of a larger work a stage tells how far one part of it is, and not how far all of it.
                        under_way.at(step.done, step.total)
                    page |= self._progress(step) if isinstance(step, Stage) else self._show(step)
                    yield _copied(page)
            yield self._over(ticket, page)
        except Cancelled:
            yield self._given_up(ticket)
        except Exception as error:  # noqa: BLE001 - every error becomes a sentence on the page
            yield self._failed(ticket, error)

    def stop(self, ticket: Ticket | None) -> Updates:
        """After Cancel: ready for another try, with everything the visitor gave still there."""
        _call_off(ticket)
        return self._stopped()

    def listener(self, number: int) -> Callable[[Ticket | None, Any], Updates]:
        """What answers a change of one of the inputs, by its place among them."""

        def changed(ticket: Ticket | None, value: Any) -> Updates:
            if ticket is None or ticket.given[number] == value:
                return {self.status: gr.skip()}
            return self.forget(ticket)

        return changed

    def forget(self, ticket: Ticket | None) -> Updates:
        """After a change of the input: nothing on the page speaks of the one before, but that it was stopped."""
        awaited = ticket is not None and ticket.awaited
        if ticket is not None:
            ticket.replace()
        return self._stopped() if awaited else self._idle()

    def _progress(self, stage: Stage) -> Updates:
        sentence = page_fragments.progress(self.texts, stage, self.separating, self.loading)
        return {**self._busy(), self.status: shown(sentence)}

    def _alert(self, error: Exception) -> Updates:
        return {self.alert: shown(fragments.alert(self.service.sentence(error)))}

    def _over(self, ticket: Ticket, page: Updates) -> Updates:
        """The last update of work that was done, after those that ``page`` is made of."""
        if ticket.called_off:
            # While the result was on its way, so that it came to the page after the answer to that.
            return self._idle() if ticket.replaced else self._stopped()
        ticket.done = True
        done = shown(fragments.status(self.texts.done))
        return {**page, self.start: gr.update(visible=True), self.cancel: gr.update(visible=False), self.status: done}

    def _failed(self, ticket: Ticket, error: Exception) -> Updates:
        alert = self._alert(error)  # which also writes faults to the log
        ticket.done = True
        return self._given_up(ticket) if ticket.called_off else {**self._idle(), **alert}

    def _given_up(self, ticket: Ticket) -> Updates:
        """Of work that nobody wants any more: nothing where the page speaks of something else by now."""
        return {self.status: gr.skip()} if ticket.replaced else self._stopped()

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


def _copied(page: Updates) -> Updates:
    """Updates that can be sent once more: Gradio takes the value out of each one that it has sent."""
    return {component: copy(update) for component, update in page.items()}


def _call_off(ticket: Ticket | None) -> None:
    if ticket is not None:
        ticket.call_off()
