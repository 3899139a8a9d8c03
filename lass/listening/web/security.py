"""What every answer of the listening test carries, and what every request has to pass.

Requests come from anywhere: bodies are small, JSON, and from our own page, or they are refused in one sentence.
"""

import json
import logging
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from lass.errors import LassError

LARGEST_BODY = 256 * 1024
"""Bytes; the longest answers to the longest questionnaire fit, in every script, a flood does not."""
TOKEN_HEADER = "x-listen-session"
COOKIE_DAYS = 30
FRAMES = ("https://huggingface.co", "https://*.hf.space")
"""Sites that may show the pages in a frame: Spaces are shown inside of their own site."""

log = logging.getLogger(__name__)


class BadRequestError(LassError):
    """A request that is none of our page's; ``word`` is the key of its sentence, ``status`` its HTTP status."""

    def __init__(self, word: str, status: int) -> None:
        super().__init__(word)
        self.word = word
        self.status = status


class SecurityHeaders:
    """ASGI middleware: the security headers on every answer, and one plain sentence where the program has a fault."""

    def __init__(self, app: ASGIApp, frames: tuple[str, ...] = FRAMES) -> None:
        self._app = app
        policy = (
            "default-src 'self'", "object-src 'none'", "base-uri 'none'", "form-action 'self'",
            " ".join(("frame-ancestors 'self'", *frames)),
        )  # fmt: skip
        self._headers = {
            "Content-Security-Policy": "; ".join(policy),
            "X-Content-Type-Options": "nosniff",
            "Referrer-Policy": "same-origin",  # with no-referrer, older browsers call the origin of our own forms null
            "X-Robots-Tag": "noindex",
        }

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started = False

        async def with_headers(message: Message) -> None:
            nonlocal started
            if message["type"] == "http.response.start":
                started = True
                headers = MutableHeaders(scope=message)
                for name, value in self._headers.items():
                    headers[name] = value
            await send(message)

        try:
            await self._app(scope, receive, with_headers)
        except Exception:  # whatever it was, the page gets an answer that it can show, and tries again
            log.exception("A request of the listening test failed.")
            if not started:
                body = json.dumps({"error": "Something went wrong on the server; try again in a moment."})
                await Response(body, 500, media_type="application/json")(scope, receive, with_headers)


async def json_body(request: Request) -> bytes:
    """The body of a request that our own page sent as JSON. Raises BadRequestError."""
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != "application/json":
        raise BadRequestError("refused_request", 415)
    if not same_origin(request.headers):
        raise BadRequestError("refused_origin", 403)
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > LARGEST_BODY:
            raise BadRequestError("refused_large", 413)
    return bytes(body)


def same_origin(headers: Headers) -> bool:
    """Whether a browser says that a request comes from this very site; programs that are no browser say nothing.

    Sec-Fetch-Site is the browser's own word, and no proxy changes what it compares. Older browsers send Origin only.
    """
    site = headers.get("sec-fetch-site")
    if site is not None:
        return site == "same-origin"
    origin = headers.get("origin")
    if origin is None:
        return True
    hosts = {headers.get("host", ""), headers.get("x-forwarded-host", "").partition(",")[0].strip()} - {""}
    return urlsplit(origin).netloc.lower() in {host.lower() for host in hosts}


def cookie_name(slug: str) -> str:
    """The cookie that holds the token of a session of this study."""
    return f"listen-{slug}"


def token_of(request: Request, slug: str) -> str | None:
    """The session token of a request: the header's, which a kiosk and an embedded page send, or else the cookie's."""
    token = request.headers.get(TOKEN_HEADER)
    if token is None:
        token = request.cookies.get(cookie_name(slug))
    return token if token and len(token) <= 64 and token.isascii() else None


def keep_token(response: Response, request: Request, slug: str, token: str) -> None:
    """Send the token as a cookie that scripts cannot read, for the listening test's own paths only."""
    scheme = request.headers.get("x-forwarded-proto", request.url.scheme).partition(",")[0].strip()
    response.set_cookie(
        cookie_name(slug), token, max_age=COOKIE_DAYS * 24 * 3600, path=f"{request.scope.get('root_path', '')}/",
        secure=scheme == "https", httponly=True, samesite="lax",
    )  # fmt: skip


__all__ = ["BadRequestError", "SecurityHeaders", "json_body", "keep_token", "same_origin", "token_of"]
