"""Forms of our own pages: small, from this very site, or refused in one sentence."""

from urllib.parse import parse_qs

from starlette.requests import Request

from lass.errors import LassError
from lass.listening.results.words import FALLBACK, say
from lass.listening.web.security import same_origin

LARGEST_FORM = 4 * 1024
"""Bytes."""


class FormError(LassError):
    """A form that did not come from our page; `word` is the key of what to say."""

    def __init__(self, word: str) -> None:
        super().__init__(say(FALLBACK, word))
        self.word = word


async def read_form(request: Request) -> dict[str, str]:
    """The fields of a form that our own page sent. Raises FormError."""
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "application/x-www-form-urlencoded" or not same_origin(request.headers):
        raise FormError("form_elsewhere")
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > LARGEST_FORM:
            raise FormError("form_large")
    try:
        fields = parse_qs(body.decode(), keep_blank_values=True, max_num_fields=10)
    except ValueError as error:
        raise FormError("form_unreadable") from error
    return {name: values[-1] for name, values in fields.items()}


__all__ = ["FormError", "read_form"]
