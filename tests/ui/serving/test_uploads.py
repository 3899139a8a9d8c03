"""Uploads are bounded: each request, and all of them by what the disk can take."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route
from starlette.testclient import TestClient

from lass.ui.machine.space import Space
from lass.ui.serving.uploads import MOST_ASKED, bounded

MOST = 1_000


@pytest.fixture
def disk(tmp_path: Path) -> Space:
    return Space(tmp_path, keep_seconds=3_600, most_result_bytes=5_000, most_bytes=5_000)


@pytest.fixture
def client(disk: Space) -> TestClient:
    async def take(request: Request) -> Response:
        return PlainTextResponse(str(len(await request.body())))

    routes = [Route("/{path:path}", take, methods=["POST", "GET"])]
    return TestClient(Starlette(routes=routes, middleware=[Middleware(bounded(disk, MOST))]))


def pieces(count: int) -> Iterator[bytes]:
    for _ in range(count):
        yield bytes(100)


@pytest.mark.parametrize("path", ["/gradio_api/upload", "/upload", "/space/gradio_api/upload"])
def test_what_fits_comes_through_and_what_does_not_is_refused(client: TestClient, path: str) -> None:
    assert client.post(path, content=bytes(MOST)).text == str(MOST)
    refused = client.post(path, content=bytes(MOST + 1))
    assert refused.status_code == 413
    assert refused.json()["detail"].endswith("upload fewer files.")


def test_what_says_no_length_is_counted_while_it_comes(client: TestClient) -> None:
    assert client.post("/upload", content=pieces(10)).text == str(MOST)
    assert client.post("/upload", content=pieces(11)).status_code == 413


def test_a_full_disk_takes_no_more(client: TestClient, tmp_path: Path) -> None:
    (tmp_path / ("a" * 64)).mkdir()
    (tmp_path / ("a" * 64) / "upload.wav").write_bytes(bytes(4_500))
    refused = client.post("/upload", content=bytes(600))
    assert refused.status_code == 507
    assert "no room" in refused.json()["detail"]
    assert client.post("/upload", content=bytes(400)).text == "400"


def test_other_requests_are_nobodys_business(client: TestClient) -> None:
    assert client.post("/queue/join", content=bytes(MOST + 1)).text == str(MOST + 1)
    assert client.get("/upload").status_code == 200


def test_a_request_that_uploads_nothing_is_small(client: TestClient) -> None:
    path = "/gradio_api/queue/join"
    assert client.post(path, content=bytes(MOST_ASKED)).text == str(MOST_ASKED)
    refused = client.post(path, content=bytes(MOST_ASKED + 1))
    assert refused.status_code == 413
    assert refused.json()["detail"].endswith("upload recordings as files.")
    assert client.post(path, content=pieces(MOST_ASKED // 100 + 1)).status_code == 413
