"""Whoever waits is told how many come first, in words, and nobody else is told anything."""

import pytest
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.testclient import TestClient

from lass.ui.serving.waiting import Waiting
from lass.ui.words.french import FRENCH
from lass.ui.words.texts import ENGLISH
from lass.ui.words.waiting import place_in_line
from lass.ui.work.line import Line
from lass.ui.work.wish import Ticket


@pytest.fixture
def line() -> Line:
    """Nobody is in the queue but those who joined; one errand is under way in the tests."""
    line = Line()
    line.before = lambda visitor: 0
    return line


@pytest.fixture
def visitor(line: Line) -> TestClient:
    return TestClient(Starlette(middleware=[Middleware(Waiting(line).pages.around)]))


def test_a_place_is_told_in_the_language_of_the_page(line: Line, visitor: TestClient) -> None:
    ticket = Ticket()
    word = line.join(ticket, "ann")
    with line.served() as under_way:
        english, french = (visitor.get(f"/waiting/{language}/{word}") for language in ("en", "fr"))
        assert english.text == "Waiting: 1 before you …"
        assert french.text == FRENCH.waiting_place.format(ahead=1)
        assert english.headers["cache-control"] == "no-store"
        assert english.headers["content-type"].startswith("text/plain")
        under_way.at(999, 1000)
        assert visitor.get(f"/waiting/en/{word}").text == "Waiting: 1 before you, about 5 s …"
    with line.served(ticket):
        answer = visitor.get(f"/waiting/en/{word}")
        assert (answer.status_code, answer.text) == (204, "")


@pytest.mark.parametrize("path", ["en/guess", "xx/{word}", "en/{word}/more", "en/%00", "", "en/" + "x" * 5000])
def test_nobody_is_told_who_does_not_wait(line: Line, visitor: TestClient, path: str) -> None:
    answer = visitor.get("/waiting/" + path.format(word=line.join(Ticket(), "ann")))
    assert answer.status_code in (204, 404)
    assert "Waiting" not in answer.text


@pytest.mark.parametrize(
    ("ahead", "seconds", "time"),
    [(1, 0.0, "5 s"), (2, 12.0, "15 s"), (3, 84.0, "85 s"), (3, 86.0, "2 min"), (9, 400.0, "7 min")],
)
def test_time_is_told_as_well_as_it_is_known(ahead: int, seconds: float, time: str) -> None:
    assert place_in_line(ENGLISH, ahead, seconds) == f"Waiting: {ahead} before you, about {time} …"


def test_the_next_one_only_waits() -> None:
    assert place_in_line(ENGLISH, 0, 0.0) == ENGLISH.waiting
