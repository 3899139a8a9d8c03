"""A bound on uploads: Gradio limits each file, and neither how many there are nor what fits on the disk."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING

from lass.ui.machine.space import NoRoomError, Space

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

_PATH = "/upload"
"""How the path of Gradio's uploads ends, wherever the application is."""


class _TooMuchError(Exception):
    """More came than was announced or is accepted."""


def bounded(space: Space, most_bytes: int) -> Callable[[ASGIApp], ASGIApp]:
    """Middleware that refuses uploads of more than ``most_bytes`` in one request, and those that the disk cannot take.

    The answer is 413 or 507 with one sentence.
    """

    def around(app: ASGIApp) -> ASGIApp:
        async def serve(scope: Scope, receive: Receive, send: Send) -> None:
            if scope["type"] != "http" or scope["method"] != "POST" or not str(scope["path"]).endswith(_PATH):
                await app(scope, receive, send)
                return
            await _upload(app, scope, receive, send)

        return serve

    async def _upload(app: ASGIApp, scope: Scope, receive: Receive, send: Send) -> None:
        announced = _announced(scope)
        if announced is not None and announced > most_bytes:
            await _refuse(413, _too_much(most_bytes), scope, receive, send)
            return
        try:
            await asyncio.to_thread(space.make_for_upload, announced or 0)
        except NoRoomError as error:
            await _refuse(507, str(error), scope, receive, send)
            return
        came, begun = 0, False

        async def counted() -> Message:
            nonlocal came
            message = await receive()
            came += len(message.get("body", b""))
            if came > most_bytes:
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
                await _refuse(413, _too_much(most_bytes), scope, receive, send)

    return around


def _announced(scope: Scope) -> int | None:
    for name, value in scope["headers"]:
        if name == b"content-length" and value.isdigit() and len(value) < 20:
            return int(value)
    return None


def _too_much(most_bytes: int) -> str:
    return f"At most {most_bytes / 1e9:.1f} GB are accepted at once; upload fewer files."


async def _refuse(status: int, sentence: str, scope: Scope, receive: Receive, send: Send) -> None:
    from starlette.responses import JSONResponse

    await JSONResponse({"detail": sentence}, status, {"Connection": "close"})(scope, receive, send)
