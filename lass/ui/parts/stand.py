"""The unattended variant for a stand: the page starts over when nobody is there, and a code leads phones to the test.

What the browser does is in ``stand.js``, the looks are in ``stand.css``; both are there at a stand only.
"""

from __future__ import annotations

import io
from dataclasses import dataclass
from html import escape
from pathlib import Path
from urllib.parse import urlsplit

import gradio as gr

from lass.checkpoints.remote import is_loopback
from lass.ui.parts import navigation
from lass.ui.words.texts import Texts

STYLE = Path(__file__).with_name("stand.css")
SCRIPT = Path(__file__).with_name("stand.js")

KEEP_MINUTES = 5
"""How long a visitor's files stay at a stand, if they do not touch them: nobody comes back for them."""
LONGEST_ADDRESS = 300

_HERE = f'() => [new URL("{navigation.LISTENING}", document.baseURI).href]'


@dataclass(frozen=True)
class Stand:
    """What a stand is told.

    Args:
        idle_seconds: after so long without a touch, a key, a sound or a separation the page starts over.
        address: where visitors' phones find the application; None: where this browser found it.
    """

    idle_seconds: float
    address: str | None = None


def head() -> str:
    """What belongs in the head of every page at a stand."""
    return f"<script>{SCRIPT.read_text(encoding='utf-8')}</script>"


def clock(texts: Texts, stand: Stand) -> str:
    """What tells the script of the page when to start over, where, and how to say it."""
    words = texts.stand
    start = navigation.route(texts, "") or "./"
    return (
        f'<div id="lass-stand" data-seconds="{stand.idle_seconds:g}" data-start="{escape(start)}" '
        f'data-idle="{escape(words.idle)}" data-stay="{escape(words.stay)}" hidden></div>'
    )


def code(blocks: gr.Blocks, texts: Texts, stand: Stand) -> gr.HTML:
    """The code that leads to the listening test. Make it inside a page."""
    if stand.address is not None:
        return gr.HTML(invitation(texts, f"{stand.address}/{navigation.LISTENING}"), elem_id="lass-invitation")
    shown = gr.HTML(elem_id="lass-invitation")
    # The address that the browser used is known to the browser only.
    found = gr.Textbox(visible=False)
    blocks.load(
        lambda address: invitation(texts, address), [found], [shown], js=_HERE, api_visibility="private",
        show_progress="hidden", queue=False,
    )  # fmt: skip
    return shown


def invitation(texts: Texts, address: str | None) -> str:
    """The code for an address, and the address in words; empty for what is no address of a page."""
    words = texts.stand
    if not address or len(address) > LONGEST_ADDRESS:
        return ""
    try:
        parts = urlsplit(address)
        host = parts.hostname
    except ValueError:
        return ""
    if parts.scheme not in ("http", "https") or not host:
        return ""
    warning = ""
    if is_loopback(host):
        warning = f'<p class="lass-notice lass-warning" role="note">{escape(words.qr_unreachable)}</p>'
    return (
        f'<section class="lass-invitation"><div class="lass-code">{_drawing(address, words.qr_alt)}</div>'
        f"<div><h2>{escape(words.qr)}</h2><p>{escape(words.qr_words)}<br><strong>{escape(address)}</strong></p>"
        f"{warning}</div></section>"
    )


def _drawing(address: str, alt: str) -> str:
    import segno

    out = io.BytesIO()
    # Dark on light in both themes: scanners want it so.
    segno.make(address, error="m", micro=False).save(
        out, kind="svg", xmldecl=False, svgns=True, omitsize=True, border=4, dark="#131211", light="#ffffff",
        svgclass=None, lineclass=None,
    )  # fmt: skip
    label = escape(alt.format(address=address))
    return out.getvalue().decode("utf-8").strip().replace("<svg ", f'<svg role="img" aria-label="{label}" ', 1)
