"""Forms of our own pages: small, from this very site, or refused in one sentence."""

from urllib.parse import parse_qs

from starlette.requests import Request

from lass.errors import LassError
from lass.listening.web.security import same_origin

LARGEST_FORM = 4 * 1024
"""Bytes."""


class FormError(LassError):
    """A form that did not come from our page."""


async def read_form(request: Request) -> dict[str, str]:
    """The fields of a form that our own page sent. Raises FormError."""
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "application/x-www-form-urlencoded" or not same_origin(request.headers):
        raise FormError("This form did not come from this page; open the results page and try again.")
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > LARGEST_FORM:
            raise FormError("This form is larger than any of ours; open the results page and try again.")
    try:
        fields = parse_qs(body.decode(), keep_blank_values=True, max_num_fields=10)
    except ValueError as error:
        raise FormError("This form cannot be read; open the results page and try again.") from error
    return {name: values[-1] for name, values in fields.items()}


__all__ = ["FormError", "read_form"]
