"""A bound on what is sent: Gradio limits each file, and neither their number, the disk, nor any other request."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING

from lass.ui.machine.space import NoRoomError, Space

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

_PATH = "/upload"
"""How the path of Gradio's uploads ends, wherever the application is."""
MOST_ASKED = 2_000_000
"""Bytes of a request that uploads nothing: words, choices, and addresses of what was uploaded."""


class _TooMuchError(Exception):
    """More came than was announced or is accepted."""


def bounded(space: Space, most_bytes: int) -> Callable[[ASGIApp], ASGIApp]:
    """Middleware that refuses uploads of more than ``most_bytes`` in one request, and those that the disk cannot take;
    and all other requests of more than :data:`MOST_ASKED`.

    The answer is 413 or 507 with one sentence.
    """

    def around(app: ASGIApp) -> ASGIApp:
        async def serve(scope: Scope, receive: Receive, send: Send) -> None:
            if scope["type"] != "http":
                await app(scope, receive, send)
            elif scope["method"] == "POST" and str(scope["path"]).endswith(_PATH):
                await _upload(app, scope, receive, send)
            else:
                sentence = f"A request of at most {MOST_ASKED // 1_000_000} MB is accepted; upload recordings as files."
                await _counted(app, MOST_ASKED, sentence, scope, receive, send)

        return serve

    async def _upload(app: ASGIApp, scope: Scope, receive: Receive, send: Send) -> None:
        announced = _announced(scope) or 0
        if announced <= most_bytes:
            try:
                await asyncio.to_thread(space.make_for_upload, announced)
            except NoRoomError as error:
                await _refuse(507, str(error), scope, receive, send)
                return
        sentence = f"At most {most_bytes / 1e9:.1f} GB are accepted at once; upload fewer files."
        await _counted(app, most_bytes, sentence, scope, receive, send)

    return around


async def _counted(app: ASGIApp, most: int, sentence: str, scope: Scope, receive: Receive, send: Send) -> None:
    """A request of at most so many bytes, announced or counted while they come; else 413 with the sentence."""
    if (_announced(scope) or 0) > most:
        await _refuse(413, sentence, scope, receive, send)
        return
    came, begun = 0, False

    async def counted() -> Message:
        nonlocal came
        message = await receive()
        came += len(message.get("body", b""))
        if came > most:
            raise _TooMuchError
        return message

    async def noted(message: Message) -> None:
        nonlocal begun
        begun = True
        await send(message)

    try:
        await app(scope, counted, noted)
    except _TooMuchError:
        if not begun:
            await _refuse(413, sentence, scope, receive, send)


def _announced(scope: Scope) -> int | None:
    for name, value in scope["headers"]:
        if name == b"content-length" and value.isdigit() and len(value) < 20:
            return int(value)
    return None


async def _refuse(status: int, sentence: str, scope: Scope, receive: Receive, send: Send) -> None:
    from starlette.responses import JSONResponse

    await JSONResponse({"detail": sentence}, status, {"Connection": "close"})(scope, receive, send)
