"""Who waits, behind how many, and for how long."""

import pytest

from lass.ui.work.line import PATIENCE, Line, Place
from lass.ui.work.wish import Ticket


class Clock:
    """Seconds that go on when a test says so."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def queue() -> list[str]:
    """Visitors in the order in which they will be served."""
    return []


@pytest.fixture
def line(clock: Clock, queue: list[str]) -> Line:
    line = Line(clock)
    line.before = lambda visitor: queue.index(visitor) if visitor in queue else None
    return line


def test_the_place_is_that_in_the_queue_behind_what_is_under_way(line: Line, clock: Clock, queue: list[str]) -> None:
    queue += ["ann", "program", "bob"]
    ann, bob = Ticket(), Ticket()
    words = [line.join(bob, "bob"), line.join(ann, "ann")]
    assert words[0] != words[1]
    assert [line.place(word) for word in words] == [Place(2, None), Place(0, 0.0)]
    queue.pop(0)
    with line.served(ann):
        assert line.place(words[1]) is None
        assert line.place(words[0]) == Place(2, None)
        clock.now = 8.0
    queue.pop(0)
    with line.served():
        clock.now = 11.0
        # The errand before took 8 s, and this one is 3 s old.
        assert line.place(words[0]) == Place(1, 5.0)
        queue.insert(0, "another program")
        assert line.place(words[0]) == Place(2, 13.0)


def test_who_is_on_the_way_to_the_queue_is_behind_nobody_yet(line: Line) -> None:
    with line.served():
        assert line.place(line.join(Ticket(), "ann")) == Place(0, 0.0)


def test_how_far_an_errand_is_foretells_its_end(line: Line, clock: Clock, queue: list[str]) -> None:
    queue.append("ann")
    word = line.join(Ticket(), "ann")
    with line.served() as long:
        long.at(0, 0)
        assert line.place(word) == Place(1, None)
        clock.now = 20.0
        long.at(25, 100)
        assert line.place(word) == Place(1, 60.0)
        clock.now = 30.0
        assert line.place(word) == Place(1, 50.0)
        clock.now = 95.0
        assert line.place(word) == Place(1, 0.0)


def test_nobody_knows_when_an_errand_ends_that_takes_longer_than_others(
    line: Line, clock: Clock, queue: list[str]
) -> None:
    queue.append("ann")
    with line.served():
        clock.now = 2.0
    with line.served():
        clock.now = 60.0
        assert line.place(line.join(Ticket(), "ann")) == Place(1, None)


def test_who_called_off_has_no_place(line: Line, queue: list[str]) -> None:
    queue.append("ann")
    ticket = Ticket()
    word = line.join(ticket, "ann")
    ticket.call_off()
    assert line.place(word) is None
    assert line.place("a guess") is None


def test_who_asks_no_more_is_forgotten(line: Line, clock: Clock, queue: list[str]) -> None:
    queue += ["left", "patient"]
    left, patient = line.join(Ticket(), "left"), line.join(Ticket(), "patient")
    for clock.now in (PATIENCE / 2, PATIENCE, 1.5 * PATIENCE):
        assert line.place(patient) == Place(1, None)
    assert line.place(left) is None


def test_what_failed_foretells_nothing(line: Line, clock: Clock, queue: list[str]) -> None:
    queue.append("ann")
    broken = line.served()
    broken.__enter__()
    clock.now = 1.0
    broken.__exit__(ValueError, ValueError("broken"), None)
    with line.served():
        assert line.place(line.join(Ticket(), "ann")) == Place(1, None)
