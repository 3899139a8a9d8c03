"""HTML without a way to forget escaping: text is escaped, only what `tag` made passes as it is."""

from __future__ import annotations

from collections.abc import Iterable
from html import escape

_VOID = {"meta", "link", "input", "img", "br", "hr", "col"}


class Html(str):
    """A piece of HTML, made by `tag` or declared safe by whoever calls this class."""

    __slots__ = ()


def tag(name: str, /, *children: object, **attributes: str | int | bool | None) -> Html:
    """An element. Children are Html, text (escaped), None (left out) or any iterable of these.

    Attributes: `class_` is class, `aria_label` is aria-label; None and False leave one out, True writes its name only.
    """
    written = "".join(
        f" {_attribute(key)}" if value is True else f' {_attribute(key)}="{escape(str(value))}"'
        for key, value in attributes.items()
        if value is not None and value is not False
    )
    opening = f"<{name}{written}>"
    return Html(opening) if name in _VOID else Html(f"{opening}{join(*children)}</{name}>")


def join(*children: object) -> Html:
    """Several pieces after one another, escaped like children of an element."""
    parts = []
    for child in children:
        if child is None:
            continue
        if isinstance(child, Html):
            parts.append(str.__str__(child))
        elif isinstance(child, str) or not isinstance(child, Iterable):
            parts.append(escape(str(child)))
        else:
            parts.append(str.__str__(join(*child)))
    return Html("".join(parts))


def page(title: str, *body: object, language: str, head: object = None) -> Html:
    """A whole document in a language."""
    return join(
        Html("<!doctype html>\n"),
        tag(
            "html",
            tag(
                "head",
                tag("meta", charset="utf-8"),
                tag("meta", name="viewport", content="width=device-width, initial-scale=1, viewport-fit=cover"),
                tag("meta", name="color-scheme", content="light dark"),
                tag("meta", name="robots", content="noindex"),
                tag("title", title),
                head,
            ),
            tag("body", *body),
            lang=language,
        ),
        Html("\n"),
    )


def _attribute(key: str) -> str:
    return key.rstrip("_").replace("_", "-")
