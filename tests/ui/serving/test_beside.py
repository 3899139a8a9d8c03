"""Pages beside Gradio's: whose paths they take, when they are put together, and what is said while they cannot be."""

from collections.abc import Callable

import pytest
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import BaseRoute, Mount, Route
from starlette.testclient import TestClient

from lass.errors import LassError
from lass.ui.serving.beside import Beside


async def own(request: Request) -> Response:
    return PlainTextResponse(f"own {request.url.path}")


async def beside(request: Request) -> Response:
    return PlainTextResponse(f"beside {request.url.path}")


def routes() -> list[BaseRoute]:
    return [Route("/listen", beside), Mount("/listen", routes=[Route("/{name}", beside)])]


def client(make: Callable[[], list[BaseRoute]], **options: str) -> TestClient:
    middleware = [Middleware(Beside(["/listen"], make).around)]
    return TestClient(Starlette(routes=[Route("/{path:path}", own)], middleware=middleware), **options)


@pytest.mark.parametrize("path", ["/listen", "/listen/test"])
def test_its_paths_are_served_beside_the_application(path: str) -> None:
    assert client(routes).get(path).text == f"beside {path}"


@pytest.mark.parametrize("path", ["/", "/listening", "/other/listen"])
def test_every_other_path_is_the_applications(path: str) -> None:
    assert client(routes).get(path).text == f"own {path}"


def test_what_is_not_there_is_answered_and_no_fault() -> None:
    visitor = client(routes)
    assert visitor.get("/listen/nothing/here").status_code == 404
    assert visitor.post("/listen").status_code == 405


def test_it_works_below_a_path_of_a_proxy() -> None:
    assert client(routes, root_path="/space").get("/space/listen/test").text == "beside /space/listen/test"


def test_nothing_is_put_together_before_somebody_asks_and_then_once() -> None:
    made: list[int] = []

    def counted() -> list[BaseRoute]:
        made.append(1)
        return routes()

    visitor = client(counted)
    visitor.get("/")
    assert made == []
    visitor.get("/listen")
    visitor.get("/listen/test")
    assert made == [1]


def test_while_it_cannot_be_put_together_visitors_are_told_and_the_next_one_gets_it() -> None:
    attempts: list[int] = []

    def at_the_second_attempt() -> list[BaseRoute]:
        attempts.append(1)
        if len(attempts) == 1:
            raise LassError("secret: the database at host 10.0.0.1 does not answer")
        return routes()

    visitor = client(at_the_second_attempt)
    refused = visitor.get("/listen")
    assert refused.status_code == 503
    assert "not available" in refused.text
    assert "secret" not in refused.text
    assert visitor.get("/").text == "own /"
    assert visitor.get("/listen").text == "beside /listen"
