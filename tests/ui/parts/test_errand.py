"""Long work on a page: what its events do, called as Gradio calls them and in the orders in which it may."""

from collections.abc import Generator
from copy import copy
from itertools import pairwise
from pathlib import Path
from typing import Any

import gradio as gr
import pytest

from lass.errors import Cancelled, QueryError
from lass.ui.parts import fragments
from lass.ui.parts.errand import Errand
from lass.ui.parts.picker import Updates, shown
from lass.ui.words.texts import ENGLISH
from lass.ui.work.wish import Ticket
from lass.ui.work.workbench import Stage
from tests.ui.small import small_service

WORDS, MODEL = 0, 1  # the places of the inputs

ANN = gr.Request(session_hash="ann")


class Desk:
    """An errand that reads words out, in capital letters; "mumble" is refused, and "stumble" fails."""

    def __init__(self, folder: Path) -> None:
        self.words, self.model = gr.Textbox(), gr.Textbox()
        self.result = gr.HTML()
        self.errand = Errand(small_service(folder), "Read it out", "read", separating="{done} of {total}")
        self.errand.listen(
            [(self.errand.start.click, self._wish)], [self.words, self.model],
            work=self._work, show=self._show, clear=lambda: {self.result: None}, outputs=[self.result],
            complain=lambda words, _: {} if words else {self.result: "Say something."},
        )  # fmt: skip
        self.begin = self.errand.beginner(self._wish)

    def told(self, place: int, ticket: Ticket | None, value: Any) -> bool:
        """Whether a change of an input changes the page."""
        updates = self.errand.listener(place)(ticket, value)
        return self.result in updates

    def _wish(self, words: str, model: str) -> str:
        if words == "mumble":
            raise QueryError("Nobody understands that; speak up.")
        return words

    def _work(self, wish: str, ticket: Ticket) -> Generator[Any, None, None]:
        for done in range(2):
            if ticket.called_off:
                raise Cancelled
            yield Stage("separating", done, 2)
        if wish == "stumble":
            raise QueryError("That was too hard.")
        yield wish.upper()

    def _show(self, result: str) -> Updates:
        return {self.result: result}


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    with gr.Blocks():
        return Desk(tmp_path / "scratch")


def begun(desk: Desk, words: str, before: Ticket | None = None) -> Ticket:
    ticket = desk.begin(ANN, before, words, "half")[desk.errand.ticket]
    assert isinstance(ticket, Ticket)
    return ticket


def test_the_work_is_shown_step_by_step_and_every_update_repeats_those_before(desk: Desk) -> None:
    updates = []
    for update in desk.errand.run(begun(desk, "rain")):
        updates.append({component: copy(one) for component, one in update.items()})
        for one in update.values():
            if isinstance(one, dict):
                one.clear()  # as Gradio does, in parts, when it sends an update
    assert [update.get(desk.result) for update in updates] == [None, None, "RAIN", "RAIN"]
    for earlier, later in pairwise(updates):
        assert earlier.keys() <= later.keys()
    errand = desk.errand
    assert all(update[errand.cancel]["visible"] for update in updates[:-1])
    assert not updates[-1][errand.cancel]["visible"]
    assert updates[-1][errand.status] == shown(fragments.status(ENGLISH.done))


def test_what_begin_saw_is_no_news_however_late_it_comes(desk: Desk) -> None:
    ticket = begun(desk, "rain")
    assert not desk.told(WORDS, ticket, "rain")
    steps = desk.errand.run(ticket)
    next(steps)
    assert not desk.told(MODEL, ticket, "half")
    assert not ticket.called_off
    *_, last = steps
    assert last[desk.result] == "RAIN"
    assert not desk.told(WORDS, ticket, "rain")


def test_any_other_change_calls_the_work_off_and_clears_the_page(desk: Desk) -> None:
    ticket = begun(desk, "rain")
    steps = desk.errand.run(ticket)
    next(steps)
    updates = desk.errand.listener(WORDS)(ticket, "rai")
    assert updates[desk.result] is None
    assert updates[desk.errand.start]["visible"]
    assert ticket.called_off
    # Nobody wants to hear of it any more: it does not write over what the page says now.
    assert [set(update) for update in steps] == [{desk.errand.status}]


def test_a_change_of_the_model_or_to_nothing_is_news(desk: Desk) -> None:
    ticket = begun(desk, "rain")
    assert desk.told(MODEL, ticket, "other")
    assert desk.told(WORDS, begun(desk, "rain", ticket), None)


@pytest.mark.parametrize(
    ("words", "said"), [("mumble", "Nobody understands that; speak up."), ("", "Say something.")]
)
def test_a_refusal_stays_until_something_changes(desk: Desk, words: str, said: str) -> None:
    updates = desk.begin(ANN, None, words, "half")
    assert said in str(updates)
    assert updates[desk.errand.start]["visible"]
    refused = updates[desk.errand.ticket]
    assert not desk.told(WORDS, refused, words)
    assert not desk.told(MODEL, refused, "half")
    assert desk.told(WORDS, refused, "rain")


def test_a_refusal_is_nothing_to_work_on_and_stops_what_went_before(desk: Desk) -> None:
    first = begun(desk, "rain")
    refused = begun(desk, "mumble", first)
    assert first.called_off
    assert first.replaced
    assert [set(update) for update in desk.errand.run(refused)] == [{desk.errand.status}]


def test_what_went_wrong_is_said_and_stays_for_an_echo(desk: Desk) -> None:
    ticket = begun(desk, "stumble")
    *_, last = desk.errand.run(ticket)
    assert "That was too hard." in str(last[desk.errand.alert])
    assert last[desk.result] is None
    assert not desk.told(WORDS, ticket, "stumble")
    assert desk.told(WORDS, ticket, "rain")


def test_after_cancel_an_echo_leaves_the_sentence_and_a_change_takes_it(desk: Desk) -> None:
    ticket = begun(desk, "rain")
    steps = desk.errand.run(ticket)
    next(steps)
    stopped = desk.errand.stop(ticket)
    assert stopped[desk.errand.status] == shown(fragments.status(ENGLISH.cancelled))
    *_, last = steps
    assert last == stopped
    assert not desk.told(WORDS, ticket, "rain")
    assert desk.told(WORDS, ticket, "rai")


def test_a_result_that_comes_after_a_change_goes_again(desk: Desk) -> None:
    ticket = begun(desk, "rain")
    steps = desk.errand.run(ticket)
    while desk.result not in next(steps):
        pass
    desk.errand.listener(WORDS)(ticket, "rai")
    (last,) = steps
    assert last[desk.result] is None
    assert last[desk.errand.start]["visible"]
    assert last[desk.errand.status] == shown("")


def test_a_result_that_comes_after_cancel_goes_again(desk: Desk) -> None:
    ticket = begun(desk, "rain")
    steps = desk.errand.run(ticket)
    while desk.result not in next(steps):
        pass
    stopped = desk.errand.stop(ticket)
    assert list(steps) == [stopped]


def test_what_goes_wrong_with_work_that_nobody_wants_is_not_said(desk: Desk) -> None:
    ticket = begun(desk, "stumble")
    steps = desk.errand.run(ticket)
    next(steps)
    next(steps)
    desk.errand.forget(ticket)
    assert [set(update) for update in steps] == [{desk.errand.status}]


def test_cancelled_before_its_turn_it_is_not_begun(desk: Desk) -> None:
    ticket = begun(desk, "rain")
    desk.errand.stop(ticket)
    assert [set(update) for update in desk.errand.run(ticket)] == [{desk.errand.status}]


def test_late_news_of_a_replaced_ticket_is_measured_by_the_new_one(desk: Desk) -> None:
    first = begun(desk, "owl")
    second = begun(desk, "siren", first)
    assert first.called_off
    assert not second.called_off
    # The page brings what it holds when it tells, and that is what the second began with.
    assert not desk.told(WORDS, second, "siren")
    assert not second.called_off
    *_, last = desk.errand.run(second)
    assert last[desk.result] == "SIREN"


def test_a_run_that_waited_does_what_is_wanted_now_and_only_once(desk: Desk) -> None:
    first = begun(desk, "owl")
    desk.errand.stop(first)
    second = begun(desk, "siren", first)
    # Both runs are still queued, and Gradio hands each the ticket of now.
    updates = [update for _run in range(2) for update in desk.errand.run(second)]
    assert [update[desk.result] for update in updates if desk.result in update] == ["SIREN", "SIREN"]


def test_before_anything_was_asked_for_there_is_nothing_to_forget(desk: Desk) -> None:
    assert not desk.told(WORDS, None, "rain")


def test_an_event_without_a_value_is_always_news(desk: Desk) -> None:
    refused = begun(desk, "")
    assert desk.errand.forget(refused)[desk.result] is None


def test_a_change_says_that_it_stopped_what_was_under_way_and_nothing_of_what_was_done(desk: Desk) -> None:
    ticket = begun(desk, "rain")
    work = desk.errand.run(ticket)
    next(work)
    updates = desk.errand.listener(WORDS)(ticket, "hail")
    assert updates[desk.errand.status] == shown(fragments.status(ENGLISH.cancelled))
    ticket = begun(desk, "hail", ticket)
    list(desk.errand.run(ticket))
    assert desk.errand.listener(WORDS)(ticket, "snow")[desk.errand.status] == shown("")
