"""An address that is none: people get a sentence and a way back, programs what they got before."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

from lass.ui.serving.beside import path_below_root
from lass.ui.words.languages import LANGUAGES

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

_PAGE = """<!DOCTYPE html>
<html lang="{language}">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>{name}</title>
<style>
  body {{ max-width: 36rem; margin: 15vh auto 0; padding: 0 1.2rem; font: 1.1rem/1.6 system-ui, sans-serif; }}
</style>
<h1>{name}</h1>
<p>{sentence}</p>
<p><a href="{home}">{way}</a></p>
</html>
"""


async def lost(request: Request, error: Exception) -> Response:
    """The answer to a request that nothing answers, or whose answer was 404; a handler for Starlette."""
    from starlette.responses import HTMLResponse, JSONResponse

    if request.method not in ("GET", "HEAD") or "text/html" not in request.headers.get("accept", ""):
        return JSONResponse({"detail": getattr(error, "detail", "Not Found")}, 404)
    first = path_below_root(request.scope).strip("/").split("/")[0].split("-")[0]
    texts = next((one for one in LANGUAGES if one.language == first), LANGUAGES[0])
    home = f"{request.scope.get('root_path', '')}/{'' if texts is LANGUAGES[0] else texts.language}"
    page = _PAGE.format(
        language=texts.language, name=escape(texts.name), sentence=escape(texts.lost), way=escape(texts.lost_way),
        home=escape(home),
    )  # fmt: skip
    return HTMLResponse(page, 404)
