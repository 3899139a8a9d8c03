"""Who mistypes an address is told so and finds the way back."""

import pytest
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.testclient import TestClient

from lass.ui.serving.lost import lost
from lass.ui.words.french import FRENCH
from lass.ui.words.texts import ENGLISH, Texts

BROWSER = {"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"}


@pytest.fixture
def client() -> TestClient:
    async def gone(request: Request) -> Response:
        raise HTTPException(404, "File gone.")

    return TestClient(Starlette(routes=[Route("/file", gone)], exception_handlers={404: lost}))


@pytest.mark.parametrize(
    ("path", "texts", "home"),
    [("/models", ENGLISH, "/"), ("/fr/compare", FRENCH, "/fr"), ("/fr-compar", FRENCH, "/fr"), ("/frog", ENGLISH, "/"),
     ("/<script>alert(1)</script>", ENGLISH, "/")],
)  # fmt: skip
def test_people_get_a_sentence_and_a_way_back(client: TestClient, path: str, texts: Texts, home: str) -> None:
    answer = client.get(path, headers=BROWSER)
    assert answer.status_code == 404
    assert texts.lost in answer.text
    assert f'<html lang="{texts.language}">' in answer.text
    assert f'<a href="{home}">{texts.lost_way}</a>' in answer.text
    assert "alert" not in answer.text


def test_programs_get_what_they_got_before(client: TestClient) -> None:
    assert client.get("/models").json() == {"detail": "Not Found"}
    assert client.get("/file").json() == {"detail": "File gone."}
    assert client.post("/models", headers=BROWSER).json() == {"detail": "Not Found"}
