"""What the organiser sees: sign-in, the list of studies, one study, and the question before a deletion."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from html import escape
from typing import Any
from urllib.parse import urlencode

from lass.listening.design.closing import State
from lass.listening.ratings.records import SessionRecord
from lass.listening.results import report
from lass.listening.results.analysis import participant
from lass.listening.results.export import FORMATS
from lass.listening.results.findings import Analysis
from lass.listening.results.markup import Html, join, page, tag
from lass.listening.results.screening import in_words
from lass.listening.results.tables import DASH, Table, header, moment
from lass.listening.results.words import languages, say, words
from lass.listening.web.access import Visit


@dataclass(frozen=True)
class Frame:
    """What every page needs: where the pages lie, which one this is, its language, and who looks."""

    base: str
    """Path of the results pages, without a slash at the end."""
    here: str
    """Path of this page below it."""
    language: str
    chosen: bool = False
    """Whether the address names the language; then the links of the page do so too."""
    visit: Visit | None = None

    def say(self, key: str, **values: object) -> str:
        """A sentence in the language of the page."""
        return say(self.language, key, **values)

    def at(self, path: str = "", **query: str) -> str:
        """The address of a page."""
        asked = {**query, **({"lang": self.language} if self.chosen else {})}
        return f"{self.base}/{path}" + (f"?{urlencode(asked)}" if asked else "")


@dataclass(frozen=True)
class Line:
    """A study in the list."""

    slug: str
    title: str
    state: State
    opens: datetime | None
    closes: datetime | None
    begun: int
    finished: int
    answers: int


def off_page(frame: Frame) -> Html:
    """No password is configured."""
    return _sentence(frame, frame.say("off_title"), frame.say("off_text"))


def sentence_page(frame: Frame, title: str, text: str) -> Html:
    """A page that says one thing and leads back."""
    return _sentence(frame, title, text, tag("p", tag("a", frame.say("to_list"), href=frame.at())))


def login_page(frame: Frame, slug: str, problem: str | None = None) -> Html:
    """The form for the password; `slug` is the study that was asked for."""
    form = tag(
        "form",
        tag("p", problem, class_="problem", role="alert", id="problem") if problem else None,
        tag("div", tag("label", frame.say("login_password"), for_="password"),
            tag("input", type="password", name="password", id="password", required=True, autofocus=True,
                autocomplete="current-password", maxlength=500, aria_describedby="problem" if problem else None)),
        tag("input", type="hidden", name="study", value=slug),
        tag("button", frame.say("login_enter"), type="submit", class_="main"),
        method="post", action=frame.at("login"),
    )  # fmt: skip
    query = {"study": slug} if slug else {}
    return _sentence(frame, frame.say("login_title"), frame.say("login_text"), form, _languages(frame, **query))


def list_page(frame: Frame, lines: Sequence[Line], healthy: bool, status: Mapping[str, Any]) -> Html:
    """All studies, and how the store is."""
    if lines:
        rows = [
            tag("tr", tag("th", tag("a", line.title, " ", tag("code", line.slug), href=frame.at(line.slug)),
                          scope="row"),
                [tag("td", str(cell), class_="short") for cell in
                 (frame.say(f"state_{line.state.replace(' ', '_')}"), _moment(line.opens), _moment(line.closes),
                  line.begun, line.finished, line.answers)])
            for line in lines
        ]  # fmt: skip
        names = header(frame.language, "study", "state", "opens", "closes", "participants", "finished", "answers")
        content = _table(names, rows, frame.say("list_name"))
    else:
        content = tag("p", frame.say("list_none"), " ", tag("code", "python -m lass study build STUDY.yaml"))
    title = frame.say("list_title")
    return _framed(frame, title, tag("h1", title), content, _store(frame, healthy, status))


def study_page(
    frame: Frame,
    analysis: Analysis,
    sessions: Sequence[tuple[str, SessionRecord, int]],
    picture: report.Picture,
    address: str,
) -> Html:
    """One study: its progress or its report, how to invite, what to download, whom to delete.

    Args:
        sessions: a label, the session and the number of its answers, for every participant.
        picture: gives the addresses of pictures.
        address: the participants'.
    """
    counts = analysis.counts
    cards = {"begun": counts.begun, "finished": counts.finished, "ratings": counts.counted, "raters": counts.raters}
    numbers = [tag("div", tag("dt", frame.say(f"card_{name}")), tag("dd", value)) for name, value in cards.items()]
    return _framed(
        frame,
        analysis.title,
        report.header(analysis),
        tag("dl", numbers, class_="cards"),
        _invite(frame, analysis, address),
        _downloads(frame, analysis),
        report.findings(analysis, picture),
        _participants(frame, analysis.slug, sessions),
    )


def qr_code(address: str, name: str) -> Html:
    """The QR code of an address as an inline SVG, black on white; ``name`` is what a screen reader calls it."""
    import segno

    svg = segno.make(address, error="m", micro=False).svg_inline(border=3, dark="#000", light="#fff", omitsize=True)
    return Html(svg.replace("<svg ", f'<svg role="img" aria-label="{escape(name)}" ', 1))


def closing_page(frame: Frame, analysis: Analysis) -> Html:
    """The question before a study is closed for good."""
    text = frame.say("close_text", ratings=frame.say("ratings", count=analysis.counts.counted))
    return _sentence(
        frame, frame.say("close_title", title=analysis.title), text,
        tag("form", _hidden(frame), tag("button", frame.say("close_yes"), type="submit", class_="grave"),
            method="post", action=frame.at(f"{analysis.slug}/close")),
        tag("p", tag("a", frame.say("close_no"), href=frame.at(analysis.slug))),
    )  # fmt: skip


def deletion_page(frame: Frame, slug: str, label: str, session: SessionRecord, answers: int) -> Html:
    """The question before everything of one participant is deleted."""
    name = participant(session, frame.language)
    text = frame.say("delete_text", answers=frame.say("answers", count=answers))
    times = {"began": _time(session.created), "finished": _time(session.finished)}
    about = frame.say("delete_finished" if session.finished else "delete_unfinished", **times)
    return _sentence(
        frame, frame.say("delete_title", name=name), text,
        tag("p", about, class_="faint"),
        tag("form", _hidden(frame),
            tag("button", frame.say("delete_yes", name=name), type="submit", class_="grave"),
            method="post", action=frame.at(f"{slug}/participants/{label}")),
        tag("p", tag("a", frame.say("delete_no"), href=frame.at(slug))),
    )  # fmt: skip


def _invite(frame: Frame, analysis: Analysis, address: str) -> Html | None:
    if analysis.state == "closed":
        return None
    code = qr_code(address, frame.say("invite_code"))
    kiosk = f"{address}?kiosk=1"
    return tag(
        "section", tag("h2", frame.say("invite_title")),
        tag("div", code, tag("div", tag("p", frame.say("invite_text")), tag("p", tag("a", address, href=address)),
                             tag("p", frame.say("invite_kiosk"), " ", tag("a", kiosk, href=kiosk))),
            class_="invite"),
    )  # fmt: skip


def _downloads(frame: Frame, analysis: Analysis) -> Html:
    slug = analysis.slug
    if analysis.state != "closed":
        return tag(
            "section",
            tag("p", frame.say("downloads_later"), class_="faint"),
            tag("p", tag("a", frame.say("close_now"), href=frame.at(f"{slug}/close"))),
        )
    links = {
        frame.say("download_report"): frame.at(f"{slug}/report.html"),
        frame.say("download_numbers"): frame.at(f"{slug}/report.json"),
    }
    for kind in FORMATS:
        links[frame.say("download_ratings", format=frame.say(f"format_{kind}"))] = frame.at(f"{slug}/export/{kind}")
    return tag(
        "section", tag("h2", frame.say("downloads_title")),
        tag("ul", [tag("li", tag("a", name, href=href, download=True)) for name, href in links.items()],
            class_="actions"),
    )  # fmt: skip


def _participants(frame: Frame, slug: str, sessions: Sequence[tuple[str, SessionRecord, int]]) -> Html:
    title = frame.say("participants_title")
    rows = []
    for label, session, answers in sessions:
        name = participant(session, frame.language)
        cells = (
            _time(session.created), _time(session.finished), str(answers), session.code or DASH,
            frame.say(f"device_{session.agent_class}"),
            frame.say(f"headphones_{session.headphones}") if session.headphones else DASH,
            ", ".join(in_words(flag, frame.language) for flag in session.flags) or DASH,
        )  # fmt: skip
        delete = tag(
            "a", frame.say("delete"), href=frame.at(f"{slug}/participants/{label}"),
            aria_label=frame.say("delete_name", name=name),
        )  # fmt: skip
        cells_told = [tag("td", cell, class_="short") for cell in cells]
        rows.append(tag("tr", tag("th", name, scope="row", class_="short"), cells_told, tag("td", delete)))
    names = header(
        frame.language, "participant", "began", "finished", "answers", "code", "device", "headphones", "noted", "delete"
    )
    content = _table(names, rows, title) if rows else tag("p", frame.say("participants_none"), class_="faint")
    return tag("section", tag("h2", title), content, class_="participants")


def _table(names: Sequence[str], rows: Sequence[Html], title: str) -> Html:
    head = tag("tr", [tag("th", name, scope="col") for name in names])
    inside = tag("table", tag("thead", head), tag("tbody", rows), aria_label=title)
    return tag("div", inside, class_="scroll", tabindex=0, role="region", aria_label=title)


def _store(frame: Frame, healthy: bool, status: Mapping[str, Any]) -> Html:
    problems = [str(problem) for problem in status.get("problems", ())]
    if not healthy and not problems:
        problems = [frame.say("store_ill")]
    known = words(frame.language)
    # What is reported beside the store itself, such as the syncing, has no words of its own here.
    facts = [
        (known.get(f"store_{name}", str(name).replace("_", " ")), _plain(value))
        for name, value in status.items()
        if name != "problems"
    ]
    state = Table(frame.say("store_state"), header(frame.language, "what", "which"), tuple(facts))
    return tag(
        "section", tag("h2", frame.say("store_title")),
        [tag("p", problem, class_="problem", role="alert") for problem in problems]
        or tag("p", frame.say("store_well")),
        report.table(state, frame.language),
    )  # fmt: skip


def _plain(value: Any) -> str:
    if isinstance(value, Mapping):
        return ", ".join(f"{name} {_plain(one)}" for name, one in value.items()) or DASH
    return DASH if value is None else str(value)


def _framed(frame: Frame, title: str, *content: object) -> Html:
    top = tag(
        "div", tag("p", tag("a", frame.say("results"), href=frame.at())), _languages(frame),
        tag("form", _hidden(frame), tag("button", frame.say("sign_out"), type="submit"), method="post",
            action=frame.at("logout")),
        class_="top",
    )  # fmt: skip
    return _page(frame, title, top, *content)


def _languages(frame: Frame, **query: str) -> Html:
    """The way to this page in the other languages."""
    others = [
        tag("a", name, href=f"{frame.base}/{frame.here}?{urlencode({**query, 'lang': code})}", lang=code, hreflang=code)
        for code, name in languages().items()
        if code != frame.language
    ]
    return tag("nav", others, aria_label=frame.say("language"), class_="languages")


def _sentence(frame: Frame, title: str, text: str, *more: object) -> Html:
    return _page(frame, title, tag("div", tag("h1", title), tag("p", text), *more, class_="narrow"))


def _page(frame: Frame, title: str, *content: object) -> Html:
    assets = f"{frame.base}/assets"
    sheets = [tag("link", rel="stylesheet", href=f"{assets}/{name}") for name in ("report.css", "organiser.css")]
    sheets.append(tag("link", rel="icon", href=f"{assets}/icon.svg", type="image/svg+xml"))
    return page(
        frame.say("page_title", title=title), tag("main", *content), language=frame.language, head=join(sheets)
    )


def _hidden(frame: Frame) -> Html | None:
    return None if frame.visit is None else tag("input", type="hidden", name="form", value=frame.visit.form)


def _time(seconds: float | None) -> str:
    return DASH if seconds is None else f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%d, %H:%M}"


def _moment(time: datetime | None) -> str:
    return moment(None if time is None else time.isoformat())
