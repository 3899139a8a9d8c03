"""The HTML that the server sends: the participant's page, which the script fills, and plain pages of a few words."""

import hashlib
from functools import cache
from html import escape
from pathlib import Path
from string import Template

from starlette.responses import HTMLResponse, Response

from lass.listening.design.words import FALLBACK, languages, say
from lass.listening.presentation import minutes
from lass.listening.studies import OpenStudy

FOLDER = Path(__file__).parent
SHORTEST_IDLE, LONGEST_IDLE = 3, 3600
_TYPES = {".js": "text/javascript", ".css": "text/css", ".svg": "image/svg+xml"}


def preferred(accepted: str, known: tuple[str, ...]) -> str:
    """The language of `known` that an Accept-Language header likes best, or the first one."""
    wishes = []
    for part in accepted.split(","):
        tag, _, quality = part.strip().partition(";q=")
        try:
            wishes.append((-float(quality or 1), tag.lower()))
        except ValueError:
            continue
    for _, tag in sorted(wishes, key=lambda wish: wish[0]):
        for code in known:
            if tag == code.lower() or tag.partition("-")[0] == code.lower():
                return code
    return known[0]


def spoken(accepted: str) -> str:
    """The language for a page that belongs to no study."""
    return preferred(accepted, (FALLBACK, *languages()))


def participant_page(home: OpenStudy, language: str, *, kiosk: bool, idle: str) -> Response:
    """The page of a study. ``idle``: seconds without a touch until a kiosk asks whether somebody is there."""
    whole = idle.isascii() and idle.isdigit() and len(idle) < 5
    seconds = str(min(max(int(idle), SHORTEST_IDLE), LONGEST_IDLE)) if whole else ""
    return _html(
        "participant.html",
        language=language,
        title=home.study.title.in_language(language),
        slug=home.study.slug,
        kiosk="yes" if kiosk else "no",
        idle=seconds,
        down=say(language, "server_down"),
        again=say(language, "try_again"),
        loading=say(language, "loading"),
        progress=say(language, "progress"),
        noscript=say(language, "noscript"),
    )


def list_page(studies: list[OpenStudy], language: str) -> Response:
    """The studies that are open."""
    links = []
    for home in studies:
        title = escape(home.study.title.in_language(language))
        time = escape(say(language, "studies_minutes", count=minutes(home, home.trials(0))))
        links.append(f'<li><a href="{home.study.slug}"><b>{title}</b> <span>{time}</span></a></li>')
    text = f"<p>{escape(say(language, 'studies_text' if links else 'studies_none'))}</p>"
    content = text + (f"<ul>{''.join(links)}</ul>" if links else "")
    return _html("plain.html", {"content": content}, language=language, title=say(language, "studies_title"))


def sentence_page(language: str, title: str, text: str, status: int) -> Response:
    """A page that says one thing."""
    page = _html("plain.html", {"content": f"<p>{escape(text)}</p>"}, language=language, title=title)
    page.status_code = status
    return page


def asset(name: str) -> Response | None:
    """A script, the style or the icon; None for other names."""
    files = _assets()
    if name not in files:
        return None
    content, tag = files[name]
    kind = _TYPES[Path(name).suffix]
    return Response(content, headers={"Cache-Control": "no-cache", "ETag": tag}, media_type=kind)


@cache
def _assets() -> dict[str, tuple[bytes, str]]:
    files = {file.name: file.read_bytes() for file in FOLDER.iterdir() if file.suffix in _TYPES}
    return {name: (content, f'"{hashlib.sha256(content).hexdigest()[:32]}"') for name, content in files.items()}


@cache
def _template(name: str) -> Template:
    return Template((FOLDER / name).read_text(encoding="utf-8"))


def _html(name: str, parts: dict[str, str] | None = None, /, **words: str) -> Response:
    """A page from its template: ``words`` are escaped, ``parts`` are HTML of our own."""
    filled = {key: escape(value) for key, value in words.items()} | (parts or {})
    return HTMLResponse(_template(name).substitute(filled), headers={"Cache-Control": "no-store"})


__all__ = ["asset", "list_page", "participant_page", "preferred", "sentence_page", "spoken"]
