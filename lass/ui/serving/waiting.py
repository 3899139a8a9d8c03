"""The place in the line of whoever waits, as a sentence; ``waiting.js`` asks for it every other second.

It is answered beside Gradio's queue, because that is what there is to wait for.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from lass.ui.serving.beside import Beside
from lass.ui.words.languages import LANGUAGES
from lass.ui.words.waiting import place_in_line
from lass.ui.work.line import ADDRESS, Line

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response
    from starlette.routing import BaseRoute

_BY_LANGUAGE = {words.language: words for words in LANGUAGES}


class Waiting:
    """What is asked for and how it is answered: a sentence, or nothing (204) for whoever does not wait."""

    def __init__(self, line: Line) -> None:
        self._line = line
        self.pages = Beside((ADDRESS,), self._routes)

    def _routes(self) -> list[BaseRoute]:
        from starlette.routing import Route

        return [Route(f"{ADDRESS}/{{language}}/{{word}}", self._place)]

    async def _place(self, request: Request) -> Response:
        from starlette.responses import PlainTextResponse, Response

        words = _BY_LANGUAGE.get(request.path_params["language"])
        place = self._line.place(request.path_params["word"])
        fresh = {"Cache-Control": "no-store"}
        if words is None or place is None:
            # No error, which browsers would note: a page asks once more than it waits.
            return Response(status_code=204, headers=fresh)
        return PlainTextResponse(place_in_line(words, place.ahead, place.seconds), headers=fresh)
