"""The bar at the top of every page that leads to the others."""

from __future__ import annotations

from html import escape

from lass.ui.texts import Texts

COMPARE, MEASURE, BATCH, MODELS = "compare", "measure", "batch", "models-and-method"
"""Where the pages are, below the first one."""


def pages(texts: Texts) -> list[tuple[str, str]]:
    """Path and name of every page, the first one's path being empty."""
    words = texts.pages.navigation
    return [
        ("", words.separate), (COMPARE, words.compare), (MEASURE, words.measure), (BATCH, words.batch),
        (MODELS, words.models),
    ]  # fmt: skip


def bar(texts: Texts, current: str, links: list[tuple[str, str]] | None = None) -> str:
    """The bar on the page whose path is ``current``; ``links`` are further addresses and their names.

    Addresses are relative, because an application may be served below another one's path; all pages lie side by side.
    """
    items = []
    for path, name in [*pages(texts), *(links or [])]:
        mark = ' aria-current="page"' if path == current else ""
        items.append(f'<li><a href="{escape(path or "./")}"{mark}>{escape(name)}</a></li>')
    label = escape(texts.pages.navigation.label)
    return f'<nav class="lass-nav" aria-label="{label}"><ul>{"".join(items)}</ul></nav>'
