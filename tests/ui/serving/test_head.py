"""The head of every page: one language, a name, a card from our own host, and nothing of Gradio's."""

import asyncio
import re
from pathlib import Path
from typing import Any

import gradio
import pytest
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.responses import HTMLResponse, JSONResponse
from starlette.routing import Route
from starlette.testclient import TestClient

from lass.ui.serving.head import CARD, CARD_SIZE, FAVICON, Heads
from lass.ui.site import heads
from lass.ui.words.texts import ENGLISH

TEMPLATE = (Path(gradio.__file__).parent / "templates" / "frontend" / "index.html").read_text(encoding="utf-8")
TITLE = f'<script>window.gradio_config = {{"title":"{ENGLISH.title}"}};</script>'


@pytest.fixture
def client() -> TestClient:
    def page(request: Any) -> HTMLResponse:
        return HTMLResponse(TEMPLATE.replace("<style>", TITLE + "<style>", 1))

    def other(request: Any) -> JSONResponse:
        return JSONResponse({"lang": 'lang="en"'})

    routes = [Route("/", page), Route("/fr-compare", page), Route("/elsewhere", page), Route("/compare", other)]
    middleware = [Middleware(Heads(heads(), ENGLISH.title).around)]
    return TestClient(Starlette(routes=routes, middleware=middleware), base_url="http://stand.example:7860")


def test_every_page_of_every_language_has_a_name_of_its_own() -> None:
    found = heads()
    assert {"", "compare", "fr", "fr-compare", "fr-models-and-method"} <= found.keys()
    assert len({head.title for head in found.values()}) == len(found)
    assert all(head.elsewhere.keys() == {"en", "fr"} for head in found.values())
    assert all(head.elsewhere[head.language] == path for path, head in found.items())


def test_a_french_page_says_so_before_any_script_runs(client: TestClient) -> None:
    text = client.get("/fr-compare").text
    assert re.search(r'<html\s[^>]*lang="fr"', text)
    assert '"title":"Comparer – ' in text
    assert '<link rel="alternate" hreflang="en" href="compare" />' in text
    assert text.index("navigator") < text.index('type="module"')


def test_a_card_comes_from_where_the_page_does(client: TestClient) -> None:
    text = client.get("/").text
    assert '<meta property="og:image" content="http://stand.example:7860/card.png" />' in text
    head = text[: text.index("</head>")]
    assert "githubusercontent" not in head
    assert "twitter:creator" not in head
    assert len(re.findall(r'property="og:title"', text)) == 1
    assert text.encode().index(b"charset") < 1024


def test_a_proxy_says_where_the_page_is(client: TestClient) -> None:
    text = client.get("/", headers={"X-Forwarded-Proto": "https", "X-Forwarded-Host": "lass.example"}).text
    assert 'content="https://lass.example/card.png"' in text


def test_a_hostile_host_is_escaped(client: TestClient) -> None:
    assert '"><script>x' not in client.get("/", headers={"X-Forwarded-Host": '"><script>x'}).text


def test_other_answers_are_left_alone(client: TestClient) -> None:
    assert 'lang="en"' in client.get("/elsewhere").text
    assert "githubusercontent" in client.get("/elsewhere").text
    assert client.get("/compare").json() == {"lang": 'lang="en"'}


def test_the_length_is_that_of_what_is_sent(client: TestClient) -> None:
    answer = client.get("/")
    assert int(answer.headers["content-length"]) == len(answer.content)


def test_the_card_and_the_favicon_are_ours_and_small(client: TestClient) -> None:
    from PIL import Image

    answer = client.get("/card.png")
    assert answer.headers["content-type"] == "image/png"
    assert answer.content == CARD.read_bytes()
    with Image.open(CARD) as picture:
        assert picture.size == CARD_SIZE
    assert CARD.stat().st_size < 300_000
    icon = FAVICON.read_text(encoding="utf-8")
    assert icon.startswith("<svg ")
    assert "href" not in icon


def test_messages_that_are_no_requests_pass() -> None:
    seen: list[str] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        seen.append(scope["type"])

    async def nothing(*_: Any) -> None:
        return None

    around = Heads(heads(), ENGLISH.title).around(app)
    asyncio.run(around({"type": "lifespan"}, nothing, nothing))  # type: ignore[arg-type]
    assert seen == ["lifespan"]
