"""The bar at the top of every page that leads to the others, and the way to the same page in another language."""

from __future__ import annotations

from html import escape

from lass.ui.words.languages import LANGUAGES
from lass.ui.words.texts import Texts

COMPARE, MEASURE, BATCH, MODELS = "compare", "measure", "batch", "models-and-method"
"""Where the pages are, below the first one."""
LISTENING = "listen/"
"""Where the listening test begins; it is no page of Gradio's."""


def pages(texts: Texts) -> list[tuple[str, str]]:
    """Path and name of every page, the first one's path being empty; paths are the same in every language."""
    words = texts.pages.navigation
    return [
        ("", words.separate), (COMPARE, words.compare), (MEASURE, words.measure), (BATCH, words.batch),
        (MODELS, words.models),
    ]  # fmt: skip


def route(texts: Texts, path: str) -> str:
    """Where a page is in a language: ``compare``, or ``fr-compare``. Gradio's pages lie in no folders."""
    if texts.language == LANGUAGES[0].language:
        return path
    return f"{texts.language}-{path}" if path else texts.language


def listening(texts: Texts) -> str:
    """The address of the listening test, in the language of the page."""
    return LISTENING if texts.language == LANGUAGES[0].language else f"{LISTENING}?lang={texts.language}"


def bar(texts: Texts, current: str, links: list[tuple[str, str]] | None = None) -> str:
    """The bar on the page whose path is ``current``; ``links`` are further addresses and their names.

    Addresses are relative, because an application may be served below another one's path; all pages lie side by side.
    """
    items = []
    for path, name in pages(texts):
        mark = ' aria-current="page"' if path == current else ""
        items.append(f'<li><a href="{escape(route(texts, path) or "./")}"{mark}>{escape(name)}</a></li>')
    items += [f'<li><a href="{escape(address)}">{escape(name)}</a></li>' for address, name in links or []]
    label = escape(texts.pages.navigation.label)
    return f'<nav class="lass-nav" aria-label="{label}"><ul>{"".join(items)}</ul></nav>'


def other_language(texts: Texts, current: str) -> str:
    """The link to the same page in the other language, which is named in that language."""
    other = next(one for one in LANGUAGES if one.language != texts.language)
    return (
        f'<a class="lass-language" href="{escape(route(other, current) or "./")}" lang="{other.language}" '
        f'hreflang="{other.language}">{escape(texts.other_language)}</a>'
    )
