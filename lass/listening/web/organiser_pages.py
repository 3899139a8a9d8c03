"""What the organiser sees: sign-in, the list of studies, one study, and the question before a deletion."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from lass.listening.ratings.records import SessionRecord
from lass.listening.results import report
from lass.listening.results.analysis import participant
from lass.listening.results.findings import Analysis
from lass.listening.results.markup import Html, join, page, tag
from lass.listening.results.tables import Table, moment
from lass.listening.web.access import Visit

EXPORTS = {
    "csv": "CSV, one row per answer",
    "parquet": "Parquet",
    "jsonl": "JSON lines",
    "webmushra": "webMUSHRA layout (lms.csv)",
}
"""The formats of the downloads, and what they are called."""


@dataclass(frozen=True)
class Frame:
    """What every page of a signed-in organiser needs: where the pages lie, and who looks."""

    base: str
    """Path of the results pages, without a slash at the end."""
    visit: Visit


@dataclass(frozen=True)
class Line:
    """A study in the list."""

    slug: str
    title: str
    state: str
    opens: datetime | None
    closes: datetime | None
    begun: int
    finished: int
    answers: int


def off_page(base: str) -> Html:
    """No password is configured."""
    return _sentence(
        base, "The results page is switched off",
        "Set the variable LASS_ADMIN_PASSWORD to a password of your own and start the application again.",
    )  # fmt: skip


def sentence_page(base: str, title: str, text: str) -> Html:
    """A page that says one thing and leads back."""
    return _sentence(base, title, text, tag("p", tag("a", "To the list of studies", href=f"{base}/")))


def login_page(base: str, slug: str, problem: str | None = None) -> Html:
    """The form for the password; `slug` is the study that was asked for."""
    form = tag(
        "form",
        tag("p", problem, class_="problem", role="alert", id="problem") if problem else None,
        tag("div", tag("label", "Password", for_="password"),
            tag("input", type="password", name="password", id="password", required=True, autofocus=True,
                autocomplete="current-password", maxlength=500, aria_describedby="problem" if problem else None)),
        tag("input", type="hidden", name="study", value=slug),
        tag("button", "Show the results", type="submit", class_="main"),
        method="post", action=f"{base}/login",
    )  # fmt: skip
    return _sentence(base, "Results of the listening tests", "For the organiser of the studies.", form)


def list_page(frame: Frame, lines: Sequence[Line], healthy: bool, status: Mapping[str, Any]) -> Html:
    """All studies, and how the store is."""
    if lines:
        rows = [
            tag("tr", tag("th", tag("a", line.title, " ", tag("code", line.slug), href=f"{frame.base}/{line.slug}"),
                          scope="row"),
                [tag("td", str(cell), class_="short") for cell in
                 (line.state, _moment(line.opens), _moment(line.closes), line.begun, line.finished, line.answers)])
            for line in lines
        ]  # fmt: skip
        names = ("Study", "State", "Opens", "Closes", "Participants", "Finished", "Answers")
        head = [tag("th", name, scope="col") for name in names]
        content = tag(
            "div", tag("table", tag("thead", tag("tr", head)), tag("tbody", rows), aria_label="Studies"),
            class_="scroll", tabindex=0, role="region", aria_label="Studies",
        )  # fmt: skip
    else:
        content = tag("p", "There is no study yet. Build one with: ",
                      tag("code", "python -m lass study build STUDY.yaml"))  # fmt: skip
    return _framed(frame, "Listening tests", tag("h1", "Listening tests"), content, _store(healthy, status))


def study_page(
    frame: Frame,
    analysis: Analysis,
    sessions: Sequence[tuple[str, SessionRecord, int]],
    picture: report.Picture,
    invitation: tuple[str, Html],
) -> Html:
    """One study: its progress or its report, how to invite, what to download, whom to delete.

    Args:
        sessions: a label, the session and the number of its answers, for every participant.
        picture: gives the addresses of pictures.
        invitation: the participants' address and its QR code.
    """
    counts = analysis.counts
    cards = {"Sessions begun": counts.begun, "Sessions finished": counts.finished, "Ratings": counts.counted,
             "Raters": counts.raters}  # fmt: skip
    return _framed(
        frame,
        analysis.title,
        report.header(analysis),
        tag("dl", [tag("div", tag("dt", name), tag("dd", value)) for name, value in cards.items()], class_="cards"),
        _invite(analysis, *invitation),
        _downloads(frame, analysis),
        report.findings(analysis, picture),
        _participants(frame, analysis.slug, sessions),
    )


def closing_page(frame: Frame, analysis: Analysis) -> Html:
    """The question before a study is closed for good."""
    text = f"{_many(analysis.counts.counted, 'rating')} so far. Nobody can take part after that, those who are in the "\
           "middle of it included. The results are shown and can be downloaded; who has seen them cannot go on "\
           "collecting ratings, so there is no way back."  # fmt: skip
    return _sentence(
        frame.base, f"Close “{analysis.title}” now?", text,
        tag("form", _hidden(frame), tag("button", "Close it for good", type="submit", class_="grave"),
            method="post", action=f"{frame.base}/{analysis.slug}/close"),
        tag("p", tag("a", "Keep it open", href=f"{frame.base}/{analysis.slug}")),
    )  # fmt: skip


def deletion_page(frame: Frame, slug: str, label: str, session: SessionRecord, answers: int) -> Html:
    """The question before everything of one participant is deleted."""
    name = participant(session)
    text = f"{_many(answers, 'answer')} and everything else of this session will be gone for good, from the database "\
           "and from the journal. Copies that were downloaded before are not touched."  # fmt: skip
    return _sentence(
        frame.base, f"Delete {name}?", text,
        tag("p", f"Began {_time(session.created)}, "
                 f"{'finished ' + _time(session.finished) if session.finished else 'not finished'}.", class_="faint"),
        tag("form", _hidden(frame),
            tag("button", f"Delete {name} for good", type="submit", class_="grave"),
            method="post", action=f"{frame.base}/{slug}/participants/{label}"),
        tag("p", tag("a", "Keep everything", href=f"{frame.base}/{slug}")),
    )  # fmt: skip


def _invite(analysis: Analysis, address: str, code: Html) -> Html | None:
    if analysis.state == "closed":
        return None
    return tag(
        "section", tag("h2", "Invite participants"),
        tag("div", code, tag("div", tag("p", "They open this address, or point a phone’s camera at the code:"),
                             tag("p", tag("a", address, href=address)),
                             tag("p", "For a tablet on a table: ", tag("a", f"{address}?kiosk=1",
                                                                       href=f"{address}?kiosk=1"))),
            class_="invite"),
    )  # fmt: skip


def _downloads(frame: Frame, analysis: Analysis) -> Html:
    if analysis.state != "closed":
        return tag(
            "section",
            tag("p", "Means and downloads are there when the study is closed.", class_="faint"),
            tag("p", tag("a", "Close the study now", href=f"{frame.base}/{analysis.slug}/close")),
        )
    base = f"{frame.base}/{analysis.slug}"
    links = {"Report (HTML, everything inside)": f"{base}/report.html", "All numbers (JSON)": f"{base}/report.json"}
    links |= {f"Ratings: {name}": f"{base}/export/{kind}" for kind, name in EXPORTS.items()}
    return tag(
        "section", tag("h2", "Downloads"),
        tag("ul", [tag("li", tag("a", name, href=href, download=True)) for name, href in links.items()],
            class_="actions"),
    )  # fmt: skip


def _participants(frame: Frame, slug: str, sessions: Sequence[tuple[str, SessionRecord, int]]) -> Html:
    rows = [
        tag("tr", tag("th", participant(session), scope="row", class_="short"),
            [tag("td", cell, class_="short") for cell in (
                _time(session.created), _time(session.finished) if session.finished else "–", str(answers),
                session.code or "–", session.agent_class, session.headphones or "–", ", ".join(session.flags) or "–",
            )],
            tag("td", tag("a", "Delete…", href=f"{frame.base}/{slug}/participants/{label}",
                          aria_label=f"Delete {participant(session)}")))
        for label, session, answers in sessions
    ]  # fmt: skip
    header = ("Participant", "Began", "Finished", "Answers", "Code", "Device", "Headphones", "Noted", "Delete")
    content = (
        tag("div", tag("table", tag("thead", tag("tr", [tag("th", name, scope="col") for name in header])),
                       tag("tbody", rows), aria_label="Participants"),
            class_="scroll", tabindex=0, role="region", aria_label="Participants")
        if rows else tag("p", "Nobody has begun yet.", class_="faint")
    )  # fmt: skip
    return tag("section", tag("h2", "Participants"), content, class_="participants")


def _store(healthy: bool, status: Mapping[str, Any]) -> Html:
    problems = [str(problem) for problem in status.get("problems", ())]
    if not healthy and not problems:
        problems = ["Ratings cannot be saved now; participants are told to try again."]
    facts = [(str(name).replace("_", " "), _plain(value)) for name, value in status.items() if name != "problems"]
    return tag(
        "section", tag("h2", "Where the ratings are kept"),
        [tag("p", problem, class_="problem", role="alert") for problem in problems]
        or tag("p", "Everything is saved: database and journal are in order."),
        report.table(Table("State of the store", ("What", "Which"), tuple(facts))),
    )  # fmt: skip


def _plain(value: Any) -> str:
    if isinstance(value, Mapping):
        return ", ".join(f"{name} {_plain(one)}" for name, one in value.items()) or "–"
    return "–" if value is None else str(value)


def _framed(frame: Frame, title: str, *content: object) -> Html:
    top = tag(
        "div", tag("p", tag("a", "Results", href=f"{frame.base}/")),
        tag("form", _hidden(frame), tag("button", "Sign out", type="submit"), method="post",
            action=f"{frame.base}/logout"),
        class_="top",
    )  # fmt: skip
    return _page(frame.base, title, top, *content)


def _sentence(base: str, title: str, text: str, *more: object) -> Html:
    return _page(base, title, tag("div", tag("h1", title), tag("p", text), *more, class_="narrow"))


def _page(base: str, title: str, *content: object) -> Html:
    sheets = [tag("link", rel="stylesheet", href=f"{base}/assets/{name}") for name in ("report.css", "organiser.css")]
    sheets.append(tag("link", rel="icon", href=f"{base}/assets/icon.svg", type="image/svg+xml"))
    return page(f"{title} – results", tag("main", *content), head=join(sheets))


def _hidden(frame: Frame) -> Html:
    return tag("input", type="hidden", name="form", value=frame.visit.form)


def _time(seconds: float) -> str:
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%d, %H:%M}"


def _moment(time: datetime | None) -> str:
    return moment(None if time is None else time.isoformat())


def _many(count: int, what: str) -> str:
    return f"{count} {what}" if count == 1 else f"{count} {what}s"
