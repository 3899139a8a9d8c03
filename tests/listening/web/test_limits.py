"""Limits by sender: a burst, a steady pace, nobody's business but the sender's own; and who a sender is."""

from pathlib import Path
from typing import Any

import httpx
import pytest
import uvicorn
from starlette.requests import Request
from starlette.testclient import TestClient
from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware

from lass.listening.design.words import say
from lass.listening.ratings.store import Store
from lass.listening.studies import Studies
from lass.listening.web.limits import REMEMBERED, Allowance, Limit, sender_of
from lass.listening.web.routes import BEGINNINGS, participant_routes
from tests.listening.small import small_study


class Clock:
    """A clock that a test sets."""

    now = 1_800_000_000.1

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


def test_a_burst_and_then_one_at_a_time(clock: Clock) -> None:
    limit = Limit(Allowance(3, 10.0), clock)
    assert [limit.take("a") for _ in range(5)] == [0, 0, 0, 10, 10], "what is refused does not count"
    clock.now += 4
    assert limit.take("a") == 6
    clock.now += 6
    assert [limit.take("a") for _ in range(2)] == [0, 10]
    clock.now += 1000
    assert [limit.take("a") for _ in range(4)] == [0, 0, 0, 10], "no more is saved up than a burst"


def test_one_sender_s_limit_is_nobody_else_s(clock: Clock) -> None:
    limit = Limit(Allowance(1, 60.0), clock)
    assert (limit.take("a"), limit.take("a"), limit.take("b")) == (0, 60, 0)


def test_a_clock_that_was_set_back_stops_nobody(clock: Clock) -> None:
    limit = Limit(Allowance(2, 10.0), clock)
    for _ in range(2):
        limit.take("a")
    clock.now -= 3600
    assert [limit.take("a") for _ in range(3)] == [0, 0, 10]


def test_of_more_senders_than_are_remembered_the_quiet_ones_are_forgotten(clock: Clock) -> None:
    limit = Limit(Allowance(1, 1e6), clock)
    for number in range(REMEMBERED + 1):
        assert limit.take(str(number)) == 0
    assert limit.take(str(REMEMBERED)) > 0
    assert limit.take("0") == 0


def from_(host: str | None) -> Request:
    return Request({"type": "http", "headers": [], "client": None if host is None else (host, 5)})


def test_who_a_sender_is() -> None:
    assert sender_of(from_("192.0.2.7")) != sender_of(from_("192.0.2.8"))
    assert sender_of(from_("::ffff:192.0.2.7")) == sender_of(from_("192.0.2.7"))
    assert sender_of(from_("2001:db8:1:2::7")) == sender_of(from_("2001:db8:1:2:ffff:1:2:3"))
    assert sender_of(from_("2001:db8:1:2::7")) != sender_of(from_("2001:db8:1:3::7"))
    assert sender_of(from_("fe80::1%eth0")) == sender_of(from_("fe80::2"))
    assert sender_of(from_("testclient")) == "testclient"
    assert sender_of(from_(None)) == ""


@pytest.fixture
def studies(tmp_path: Path, clock: Clock) -> Any:
    folder = small_study(tmp_path / "studies", items=1, practice=0, consent="Do you agree?").parent
    with Store.open(None, tmp_path / "store", clock) as store:
        yield Studies(folder, store, clock)


def begin(client: TestClient, number: int, **headers: str) -> httpx.Response:
    return client.post("/listen/api/demo/begin", json={"key": f"{number:016}"}, headers=headers)


def application(studies: Studies, burst: int = 2) -> Any:
    """The participant's side as uvicorn serves it by default: only this machine's proxies are believed."""
    from starlette.applications import Starlette

    inside = Starlette(routes=participant_routes(studies, beginnings=Allowance(burst, 30.0)))
    assert uvicorn.Config(inside).proxy_headers
    return ProxyHeadersMiddleware(inside, "127.0.0.1")


def browser(application: Any, host: str = "192.0.2.7") -> TestClient:
    return TestClient(application, client=(host, 5))


def test_an_address_begins_so_often_and_is_told_when_it_can_again(studies: Studies, clock: Clock) -> None:
    here = application(studies)
    assert [begin(browser(here), number).status_code for number in range(3)] == [200, 200, 429]
    refused = begin(browser(here), 2, **{"Accept-Language": "fr"})
    assert refused.json() == {"error": say("fr", "refused_many", count=30)}
    assert refused.headers["retry-after"] == "30"
    assert "set-cookie" not in refused.headers
    assert len(studies.store.sessions("demo")) == 2, "what is refused takes no place"
    assert begin(browser(here, "192.0.2.8"), 3).status_code == 200
    clock.now += 30
    assert [begin(browser(here), number).status_code for number in (4, 5)] == [200, 429]
    assert [one.place for one in studies.store.sessions("demo")] == [0, 1, 2, 3]


def test_who_has_begun_goes_on_however_many_begin(studies: Studies) -> None:
    here = application(studies, burst=1)
    first, late = browser(here), browser(here)
    assert begin(first, 1).status_code == 200
    assert begin(late, 2).status_code == 429
    assert begin(first, 1).status_code == 200
    assert first.post("/listen/api/demo/consent", json={"agreed": True}).status_code == 200
    assert first.get("/listen/api/demo/state").json()["step"] == "volume"
    assert late.get("/listen/api/demo/state").json()["step"] == "welcome"


def test_a_forged_header_makes_no_other_sender_and_a_trusted_proxy_s_does(studies: Studies) -> None:
    here = application(studies, burst=1)
    forged = [begin(browser(here), n, **{"X-Forwarded-For": f"198.51.100.{n}"}).status_code for n in range(3)]
    assert forged == [200, 429, 429]
    proxy = "127.0.0.1"
    told = [begin(browser(here, proxy), n, **{"X-Forwarded-For": f"198.51.100.{n}"}).status_code for n in (4, 5, 5)]
    assert told == [200, 200, 429]


def test_a_lecture_hall_behind_one_address_begins_at_once() -> None:
    limit = Limit(BEGINNINGS, lambda: 1e9)
    assert [limit.take("the hall") for _ in range(300)] == [0] * 300
