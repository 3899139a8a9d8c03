"""Who waits, behind how many, and for how long."""

from lass.ui.work.line import PATIENCE, Line, Place
from lass.ui.work.wish import Ticket


class Clock:
    """Seconds that go on when a test says so."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def test_places_move_up_as_others_are_served() -> None:
    clock = Clock()
    line = Line(clock)
    first, second, third = Ticket(), Ticket(), Ticket()
    words = [line.join(ticket) for ticket in (first, second, third)]
    assert len(set(words)) == 3
    assert [line.place(word) for word in words] == [Place(0, 0.0), Place(1, None), Place(2, None)]
    with line.served(first):
        assert line.place(words[0]) is None
        assert [line.place(word) for word in words[1:]] == [Place(1, None), Place(2, None)]
        clock.now = 8.0
    with line.served(second):
        clock.now = 11.0
        # The errand before took 8 s, and this one is 3 s old.
        assert line.place(words[2]) == Place(1, 5.0)
        late = line.join(Ticket())
        assert line.place(late) == Place(2, 13.0)


def test_an_errand_that_takes_longer_than_others_is_expected_to_end_at_once() -> None:
    clock = Clock()
    line = Line(clock)
    with line.served():
        clock.now = 2.0
    with line.served():
        clock.now = 60.0
        assert line.place(line.join(Ticket())) == Place(1, 0.0)


def test_who_called_off_stands_in_nobodys_way_and_has_no_place() -> None:
    line = Line()
    gone, patient = Ticket(), Ticket()
    before, word = line.join(gone), line.join(patient)
    gone.call_off()
    assert line.place(before) is None
    assert line.place(word) == Place(0, 0.0)
    assert line.place("a guess") is None


def test_who_closed_the_page_stands_in_nobodys_way_for_long() -> None:
    clock = Clock()
    line = Line(clock)
    left, patient = line.join(Ticket()), line.join(Ticket())
    for clock.now in (PATIENCE / 2, PATIENCE):
        assert line.place(patient) == Place(1, None)
    clock.now = 1.5 * PATIENCE
    assert line.place(patient) == Place(0, 0.0)
    assert line.place(left) is None


def test_what_failed_foretells_nothing() -> None:
    clock = Clock()
    line = Line(clock)
    broken = line.served()
    broken.__enter__()
    clock.now = 1.0
    broken.__exit__(ValueError, ValueError("broken"), None)
    with line.served():
        assert line.place(line.join(Ticket())) == Place(1, None)
