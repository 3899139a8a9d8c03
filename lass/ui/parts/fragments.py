"""Small pieces of HTML that the pages show; every word in them comes escaped from the tables of texts."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING, Any

from lass.checkpoints.catalogue import NOT_STATED
from lass.checkpoints.remote import in_words
from lass.typography import french_number, french_size
from lass.ui.words.texts import Texts
from lass.ui.work.downloads import Download, Offer
from lass.ui.work.line import ADDRESS
from lass.ui.work.shelf import Shelf, is_here

if TYPE_CHECKING:
    from lass.checkpoints import ModelEntry

NEXT_TO_NOTHING_DB = 25.0
"""A target this far under its recording is hardly heard beside it."""


def in_english(texts: Texts, words: str) -> str:
    """Words that are English in every language, escaped, and marked as such on pages of another one."""
    return escape(words) if texts.language == "en" else f'<span lang="en">{escape(words)}</span>'


def size(texts: Texts, words: str) -> str:
    """A size as the catalogue says it, in the language of the page."""
    return french_size(words) if texts.language == "fr" else words


def number(texts: Texts, written: str) -> str:
    """A number as Python writes it, in the language of the page."""
    return french_number(written) if texts.language == "fr" else written


def parameters(texts: Texts, count: int) -> str:
    """How many parameters a network has, in millions or thousands."""
    return number(texts, f"{count / 1e6:.1f} M" if count >= 1_000_000 else f"{count / 1e3:.0f} k")


def kilohertz(texts: Texts, sample_rate: int) -> str:
    """A sample rate."""
    return number(texts, f"{sample_rate / 1000:g} kHz")


def header(texts: Texts, beside: str = "") -> str:
    """The name and the one sentence that says what this is, with markup of ours ``beside`` them."""
    return f'<header class="lass-header"><h1>{escape(texts.name)}</h1><p>{escape(texts.tagline)}</p>{beside}</header>'


def footer(texts: Texts, *, keep_minutes: int, version: str) -> str:
    """The promise about recordings, the version and the licence."""
    privacy = texts.privacy.format(minutes=keep_minutes)
    parts = (privacy, f"{texts.name} · {texts.version.format(version=version)} · {texts.licence}")
    return '<footer class="lass-footer">' + "".join(f"<p>{escape(part)}</p>" for part in parts) + "</footer>"


def alert(sentence: str) -> str:
    """A sentence that interrupts: read out at once, and it stays until something changes."""
    return f'<div role="alert" class="lass-notice lass-alert">{escape(sentence)}</div>' if sentence else ""


def waiting(texts: Texts, word: str) -> str:
    """Somebody else's work comes first; with the word from the line, ``waiting.js`` asks how much of it."""
    asked = escape(f"{ADDRESS}/{texts.language}/{word}")
    return _status(texts.waiting, "<progress></progress>", f' data-waiting="{asked}"')


def status(sentence: str) -> str:
    """A calm sentence, read out when nothing else is."""
    return _status(sentence, "") if sentence else ""


def understanding(texts: Texts, report: dict[str, Any]) -> str:
    """How the model understood the query, with a warning when it knows nothing near it or found next to nothing.

    Empty when there is nothing to say.
    """
    understood, levels = report["understood"], report["levels_dbfs"]
    notices = []
    if understood is not None and understood["familiar"]:
        sentence = texts.heard_as.format(label=understood["nearest"])
        notices.append(f'<p class="lass-notice lass-heard">{escape(sentence)}</p>')
    elif understood is not None:
        notices.append(warning(texts.unfamiliar.format(query=report["query"], label=understood["nearest"])))
    # Of a removal the target is what is left, and what was found is taken out of it.
    found = "residual" if report.get("removed") else "target"
    under = levels["recording"] - levels[found]
    # Levels are of the whole recording, so they tell nothing of a part of it.
    if "part" not in report and under > NEXT_TO_NOTHING_DB:
        notices.append(warning(texts.not_found.format(under=round(under))))
    return "".join(notices)


def warning(sentence: str) -> str:
    """A sentence that warns without interrupting."""
    return f'<p class="lass-notice lass-warning" role="note">{escape(sentence)}</p>'


def details(texts: Texts, report: dict[str, Any], model_title: str) -> str:
    """Model, length, channels, rate and time taken of one result, in one line."""
    recording = report["recording"]
    channels = {1: texts.mono, 2: texts.stereo}.get(recording["channels"])
    line = texts.details.format(
        model=model_title,
        seconds=_seconds(texts, recording["seconds"]),
        channels=channels or texts.channels.format(count=recording["channels"]),
        rate=kilohertz(texts, recording["sample_rate_hz"]),
        taken=_seconds(texts, report["seconds_taken"]),
    )
    return f'<p class="lass-details">{escape(line)}<br>{escape(texts.details_more)}</p>'


def section(heading: str, hint: str = "", *, level: int = 2) -> str:
    """The heading of a part of the page, with a hint beside it."""
    small = f" <small>{escape(hint)}</small>" if hint else ""
    return f'<h{level} class="lass-section">{escape(heading)}{small}</h{level}>'


def model_line(texts: Texts, shelf: Shelf, entry: ModelEntry) -> str:
    """What a model was trained on, its rate, licence and size, and whether it is here; if not, how it gets here."""
    facts = [kilohertz(texts, entry.sample_rate)]
    if entry.parameters is not None:
        facts.append(texts.parameters.format(count=parameters(texts, entry.parameters)))
    facts.append(texts.model_licence.format(licence=licence(texts, entry)))
    line = " · ".join([*facts, *_model_state(texts, shelf, entry)])
    paragraphs = [
        f"{in_english(texts, entry.summary)}<br>{escape(line)}", *map(escape, _model_way(texts, shelf, entry)),
    ]  # fmt: skip
    return "".join(f'<p class="lass-model">{paragraph}</p>' for paragraph in paragraphs)


def licence(texts: Texts, entry: ModelEntry) -> str:
    """A model's licence, which is a name, or that its publisher states none."""
    return texts.pages.models.not_stated if entry.licence == NOT_STATED else entry.licence


def _model_state(texts: Texts, shelf: Shelf, entry: ModelEntry) -> list[str]:
    """Its size and whether it is here, or what comes over the network to bring it here."""
    state = {"bundled": texts.model_here, "downloaded": texts.model_downloaded}.get(entry.state)
    if state is not None:
        return [size(texts, entry.size), state]
    companions = _companions(texts, shelf, entry)
    if not companions:
        return [texts.model_to_download.format(size=size(texts, entry.size))]
    return [texts.model_companions.format(size=size(texts, entry.size), companions=companions)]


def _model_way(texts: Texts, shelf: Shelf, entry: ModelEntry) -> list[str]:
    """What has to be done before a model can be used, other than pressing the button below; nothing when it can be."""
    downloads = shelf.downloads
    complete = is_here(entry) and (downloads is None or not downloads.missing(entry.name))
    if complete:
        return []
    lines = [texts.model_incomplete.format(companions=_companions(texts, shelf, entry))] if is_here(entry) else []
    if downloads is None or not downloads.allowed:
        return [*lines, texts.model_to_use.format(how=shelf.how_to_get(entry, texts))]
    if downloads.is_packed(entry.name):
        return [*lines, texts.model_packed]
    return [*lines, *downloads.by_hand(entry.name)] if downloads.offline else lines


def _companions(texts: Texts, shelf: Shelf, entry: ModelEntry) -> str:
    """What else is missing that the model needs, each with its size."""
    missing = [] if shelf.downloads is None else shelf.downloads.missing(entry.name)
    return ", ".join(f"{part.title} ({size(texts, part.size)})" for part in missing if part.name in entry.needs)


def model_option(texts: Texts, entry: ModelEntry) -> str:
    """A model as the picker lists it: its title, and its state where it did not come with the application."""
    state = {"to download": texts.model_option_away, "downloaded": texts.model_option_here}.get(entry.state)
    return entry.title if state is None else texts.model_option.format(title=entry.title, state=state)


def download_button(texts: Texts, offer: Offer) -> str:
    """What the button under the picker says: what pressing it costs."""
    if offer.packed:
        return texts.unpack_model
    words = texts.download_rest if offer.begun else texts.download_model
    return words.format(size=size(texts, in_words(offer.bytes_left, approximate=offer.approximate)))


def download(texts: Texts, state: Download) -> str:
    """How far a download is. Not read out: it changes every second."""
    if state.called_off:
        sentence = texts.download_stops
    elif state.checking:
        sentence = texts.download_checked
    elif state.done == 0 or state.total is None:
        sentence = texts.download_begins
    else:
        done, total = (size(texts, in_words(count)) for count in (state.done, state.total))
        sentence = texts.downloading.format(done=done, total=total)
        bar = f'<progress max="{state.total}" value="{state.done}" aria-label="{escape(sentence)}"></progress>'
        return f'<div class="lass-status"><span>{escape(sentence)}</span>{bar}</div>'
    return _status(sentence, "<progress></progress>")


def too_large(texts: Texts, max_bytes: int) -> str:
    """The sentence for a file that is too large to send; ``uploads.js`` shows it before anything is sent."""
    sentence = texts.too_large.format(size=size(texts, f"{max_bytes / 1e6:.0f} MB"))
    return (
        f'<div id="lass-too-large" class="lass-notice lass-alert" data-bytes="{max_bytes}" '
        f'data-sentence="{escape(sentence)}" role="alert" hidden></div>'
    )


def _status(sentence: str, bar: str, more: str = "") -> str:
    return f'<div role="status" class="lass-status"{more}><span>{escape(sentence)}</span>{bar}</div>'


def _seconds(texts: Texts, seconds: float) -> str:
    if seconds < 90:
        return number(texts, f"{seconds:.1f} s")
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest:02d} s"
