"""Other people's words in Markdown."""

import re

_MARKS = re.compile(r"([\\`*_{}\[\]<>#|~&$!@:])")


def escaped(text: str) -> str:
    """Text that Markdown shows as it is, in a table as anywhere else, on one line."""
    return _MARKS.sub(r"\\\1", " ".join(text.split()))


def link(url: str) -> str:
    """An address as a link; anything that is no plain web address as text."""
    if re.fullmatch(r"https?://[^\s<>\"|\\]+", url):
        return f"<{url}>"
    return escaped(url or "not stated")
