"""What stands in the head of a page before any script runs: its language, its name, and its card for other sites.

Gradio writes the same head on every page, in English and with a picture from another host. This changes what it
wrote on its way out; the pages themselves are left alone.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING

from lass.ui.serving.beside import path_below_root

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

CARD = Path(__file__).resolve().parents[3] / "assets" / "pictures" / "card.png"
CARD_PATH = "/card.png"
CARD_SIZE = (1200, 630)
"""Pixels, across and down: what most sites that show such cards ask for."""
FAVICON = Path(__file__).with_name("favicon.svg")

_FIRST = '<meta charset="utf-8" />'
_SOCIAL = re.compile(r'\s*<meta\s+(?:property="og:|name="twitter:)[^>]*>')
_LANGUAGE = re.compile(r'(<html\s[^>]*?)lang="en"')


@dataclass(frozen=True)
class Head:
    """One page: its language, title, and description, and where it is in every language (paths by language)."""

    language: str
    title: str
    description: str
    elsewhere: Mapping[str, str]


class Heads:
    """The pages by their paths, without a slash at the beginning.

    Args:
        heads: what stands in the head of each.
        title: what Gradio calls all of them.
        address: where the application is, for cards; None: where the request went.
    """

    def __init__(self, heads: Mapping[str, Head], title: str, address: str | None = None) -> None:
        self._heads = heads
        self._title = title
        self._address = address

    def around(self, app: ASGIApp) -> ASGIApp:
        """``app`` with these heads on its pages, and the card's picture beside them."""

        async def serve(scope: Scope, receive: Receive, send: Send) -> None:
            path = path_below_root(scope) if scope["type"] == "http" else ""
            if path == CARD_PATH and CARD.is_file():
                from starlette.responses import FileResponse

                headers = {"Cache-Control": "public, max-age=86400"}
                await FileResponse(CARD, headers=headers)(scope, receive, send)
                return
            head = self._heads.get(path.strip("/")) if path else None
            if head is None or scope.get("method") != "GET":
                await app(scope, receive, send)
                return
            await _Rewriter(send, lambda page: self.written(page, head, self._base(scope))).serve(app, scope, receive)

        return serve

    def written(self, page: str, head: Head, base: str) -> str:
        """A page of Gradio's with its own head; ``base`` is the application's address."""
        page = _LANGUAGE.sub(rf'\g<1>lang="{head.language}"', page, count=1)
        page = _SOCIAL.sub("", page)
        page = page.replace(f'"title":{_json(self._title)}', f'"title":{_json(head.title)}', 1)
        return page.replace(_FIRST, _FIRST + _tags(head, base), 1)

    def _base(self, scope: Scope) -> str:
        """Where the application is reached; a header says it, so it is escaped wherever it is written."""
        if self._address is not None:
            return self._address
        headers = {name: value.decode("latin-1") for name, value in scope["headers"]}
        host = headers.get(b"x-forwarded-host") or headers.get(b"host", "")
        scheme = headers.get(b"x-forwarded-proto", str(scope.get("scheme", "http"))).partition(",")[0].strip()
        return f"{scheme}://{host}{str(scope.get('root_path', '')).rstrip('/')}"


class _Rewriter:
    """Holds an HTML answer back until it is whole, and sends what ``change`` makes of it; other answers go on."""

    def __init__(self, send: Send, change: Callable[[str], str]) -> None:
        self._send = send
        self._change = change
        self._start: Message | None = None
        self._body = b""

    async def serve(self, app: ASGIApp, scope: Scope, receive: Receive) -> None:
        """Let ``app`` answer."""
        await app(scope, receive, self._take)

    async def _take(self, message: Message) -> None:
        if message["type"] == "http.response.start" and _is_page(message):
            self._start = message
        elif message["type"] == "http.response.body" and self._start is not None:
            self._body += message.get("body", b"")
            if not message.get("more_body", False):
                await self._finish(self._start)
        else:
            await self._send(message)

    async def _finish(self, start: Message) -> None:
        body = self._change(self._body.decode("utf-8")).encode("utf-8")
        headers = [(name, value) for name, value in start["headers"] if name.lower() != b"content-length"]
        await self._send({**start, "headers": [*headers, (b"content-length", str(len(body)).encode())]})
        await self._send({"type": "http.response.body", "body": body})


def _is_page(message: Message) -> bool:
    headers = {name.lower(): value for name, value in message["headers"]}
    html = headers.get(b"content-type", b"").startswith(b"text/html")
    return bool(message["status"] == 200 and html and b"content-encoding" not in headers)


def _tags(head: Head, base: str) -> str:
    across, down = CARD_SIZE
    metas = [
        ("name", "description", head.description),
        ("property", "og:type", "website"),
        ("property", "og:site_name", "lass"),
        ("property", "og:locale", head.language),
        ("property", "og:title", head.title),
        ("property", "og:description", head.description),
        ("property", "og:image", f"{base}{CARD_PATH}"),
        ("property", "og:image:width", str(across)),
        ("property", "og:image:height", str(down)),
        ("property", "og:image:alt", head.title),
        ("name", "twitter:card", "summary_large_image"),
    ]
    lines = [f'<meta {kind}="{name}" content="{escape(value)}" />' for kind, name, value in metas]
    lines += [
        f'<link rel="alternate" hreflang="{language}" href="{escape(path or "./")}" />'
        for language, path in head.elsewhere.items()
    ]
    # Gradio's own words (drop a file here, ...) follow the browser; a page is in one language.
    lines.append(
        f'<script>for (const [name, value] of [["language", "{head.language}"], ["languages", ["{head.language}"]]]) '
        "Object.defineProperty(navigator, name, { get: () => value });</script>"
    )
    return "\n" + "\n".join(lines)


def _json(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)
