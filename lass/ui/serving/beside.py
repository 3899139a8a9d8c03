"""What is served beside the Gradio pages, under paths of its own: the listening test, health, places in the line.

A separation keeps Gradio's own threads and queue busy; these routes never wait for either. They are put together when
the first request asks for them, or by :meth:`Beside.warm`, so that the application's first page does not wait for a
database.
"""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from lass.errors import LassError

if TYPE_CHECKING:
    from starlette.routing import BaseRoute, Router
    from starlette.types import ASGIApp, Receive, Scope, Send

log = logging.getLogger(__name__)


class Beside:
    """Routes below some prefixes that are served instead of an application's own.

    Args:
        prefixes: paths such as ``/listen``; each covers itself and everything below it.
        routes: makes the routes, once, in a thread; may take its time. A :class:`LassError` is logged and every
            request is answered with one sentence until a later attempt succeeds.
    """

    def __init__(self, prefixes: Sequence[str], routes: Callable[[], list[BaseRoute]]) -> None:
        self._prefixes = tuple(prefixes)
        self._routes = routes
        self._lock = threading.Lock()
        self._router: Router | None = None

    def covers(self, path: str) -> bool:
        """Whether a request for this path is answered here."""
        return any(path == prefix or path.startswith(f"{prefix}/") for prefix in self._prefixes)

    def warm(self) -> None:
        """Put the routes together now, if they are not yet; a failure is logged, and the next request tries again."""
        try:
            self._ready()
        except LassError as error:
            log.error("The listening test is not available: %s", error)

    def around(self, app: ASGIApp) -> ASGIApp:
        """``app`` with these routes in front of it."""

        async def serve(scope: Scope, receive: Receive, send: Send) -> None:
            inside = scope["type"] == "http" and self.covers(path_below_root(scope))
            await (self._answer(scope, receive, send) if inside else app(scope, receive, send))

        return serve

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        from starlette.responses import PlainTextResponse

        try:
            router = self._router
            if router is None:
                router = await asyncio.to_thread(self._ready)
        except LassError as error:
            log.error("The listening test is not available: %s", error)
            sentence = "The listening test is not available at the moment; please try again later."
            await PlainTextResponse(sentence, 503)(scope, receive, send)
            return
        # Without the application around it, the router answers what it does not have itself; it would leave that to
        # an application's handler, which is inside of what these routes stand before.
        await router({name: value for name, value in scope.items() if name != "app"}, receive, send)

    def _ready(self) -> Router:
        from starlette.routing import Router

        with self._lock:
            if self._router is None:
                self._router = Router(self._routes(), redirect_slashes=False)
            return self._router


def path_below_root(scope: Scope) -> str:
    """The path below the application's root, as routes see it."""
    path, root = str(scope["path"]), str(scope.get("root_path", ""))
    return path[len(root) :] if root and path.startswith(f"{root}/") else path
