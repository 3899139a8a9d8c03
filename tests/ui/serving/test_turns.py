"""Visitors take turns for the device, and nobody fills the queue alone."""

import itertools
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field

import gradio as gr
import pytest
from gradio_client import Client

from lass.ui.serving import turns as module
from lass.ui.serving.turns import DEVICE, Turns, take_turns

_names = itertools.count()


@dataclass(frozen=True)
class Wish:
    """A separation that somebody waits for."""

    session_hash: str
    _id: str = field(default_factory=lambda: str(next(_names)))


def served(turns: Turns, waiting: list[Wish], count: int | None = None) -> str:
    """Who is served, in order, until nobody waits or so many were."""
    names = []
    while waiting and (count is None or len(names) < count):
        chosen = turns.first(waiting)
        turns.served(chosen)
        waiting.remove(chosen)
        names.append(chosen.session_hash)
    return "".join(names)


def wishes(names: str) -> list[Wish]:
    return [Wish(name) for name in names]


def test_one_wish_each_is_served_in_the_order_of_asking() -> None:
    assert served(Turns(), wishes("abcdef")) == "abcdef"


def test_who_is_next_stays_next_while_something_else_comes_first() -> None:
    turns, waiting = Turns(), wishes("abc")
    assert [turns.first(waiting).session_hash for _ in range(3)] == ["a", "a", "a"]
    assert served(turns, waiting) == "abc"


def test_many_wishes_of_one_visitor_make_nobody_wait_for_all_of_them() -> None:
    assert served(Turns(), wishes("aaaab")) == "abaaa"
    assert served(Turns(), wishes("aaabbc")) == "abcaba"


def test_who_comes_while_a_program_is_served_is_next_but_one_at_most() -> None:
    turns, waiting = Turns(), wishes("aaaaaa")
    assert served(turns, waiting, 3) == "aaa"
    waiting += wishes("bb")
    assert served(turns, waiting) == "ababa"


def test_newcomers_without_end_do_not_keep_a_program_waiting_for_ever() -> None:
    turns, waiting = Turns(), wishes("aaa")
    order = served(turns, waiting, 1)
    for newcomer in "bcdefghij":
        waiting += wishes(newcomer)
        order += served(turns, waiting, 1)
    assert order.count("a") == 3


def test_who_left_and_came_back_is_not_behind_everybody() -> None:
    turns = Turns()
    served(turns, wishes("aaaaa"))
    assert served(turns, wishes("ba")) == "ba"
    assert served(turns, wishes("ab")) == "ab"


def test_the_order_is_foretold_and_asking_for_it_changes_nothing() -> None:
    turns, waiting = Turns(), wishes("aaabbc")
    foretold = "".join(one.session_hash for one in turns.order(waiting))
    assert foretold == served(turns, waiting) == "abcaba"


def test_nothing_is_remembered_of_those_who_were_served() -> None:
    turns = Turns()
    for _ in range(3):
        served(turns, wishes("abcdefgh" * 4))
    served(turns, wishes("z"))
    assert len(turns._numbers) + len(turns._next) < 5


class Counter:
    """A place where one customer is served at a time, once somebody opens it."""

    def __init__(self) -> None:
        self.open = threading.Event()
        self.served: list[str] = []

    def serve(self, name: str) -> str:
        assert self.open.wait(60)
        self.served.append(name)
        return name


@pytest.fixture
def counter() -> Counter:
    return Counter()


@pytest.fixture
def url(counter: Counter) -> Iterator[str]:
    with gr.Blocks() as blocks:
        name = gr.Textbox()
        device = {"concurrency_id": DEVICE, "concurrency_limit": 1}
        gr.Button().click(counter.serve, name, name, api_name="serve", **device)  # type: ignore[arg-type]
        gr.Button().click(lambda: "hello", None, name, api_name="greet")
    blocks.queue()
    take_turns(blocks._queue)
    _, url, _ = blocks.launch(prevent_thread_lock=True, server_name="127.0.0.1", quiet=True, ssr_mode=False)
    yield url
    counter.open.set()
    blocks.close()


def test_gradio_serves_in_turns(url: str, counter: Counter) -> None:
    program, visitor = (Client(url, verbose=False) for _ in range(2))
    jobs = [program.submit(f"program {number}", api_name="/serve") for number in range(4)]
    while sum(job.status().code.name in ("IN_QUEUE", "PROCESSING") for job in jobs) < 4:
        pass
    jobs.append(visitor.submit("visitor", api_name="/serve"))
    while jobs[-1].status().code.name != "IN_QUEUE":
        pass
    counter.open.set()
    assert [job.result(60) for job in jobs][-1] == "visitor"
    assert counter.served.index("visitor") <= 2


def test_nobody_fills_the_queue_alone(url: str, counter: Counter, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_WAITING", 2)
    program, visitor = (Client(url, verbose=False) for _ in range(2))
    jobs = [program.submit(str(number), api_name="/serve") for number in range(6)]
    while sum(job.done() for job in jobs) < 3:
        pass
    assert visitor.predict(api_name="/greet") == "hello"
    other = visitor.submit("visitor", api_name="/serve")
    counter.open.set()
    assert other.result(60) == "visitor"
    assert sum(job.exception(60) is not None for job in jobs) == 3
