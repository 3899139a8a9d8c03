"""The player: tracks of one recording, switched between at the same place and mixed as one likes.

What it does in the browser is in ``player-sound.js`` (files), ``player-engine.js`` (playing), ``player-page.js``
(what is drawn) and ``player.js`` (the element ``<lass-player>``). A page makes the component once and gives it
a value per result:

    self.player = player(elem_id="lass-player")                       # while the page is built
    ...
    tracks = [
        Track("target", "What you asked for", outcome.target, hint="“rain”"),
        Track("mixture", "As recorded", sum_of=("target", "residual")),
        Track("residual", "Everything else", outcome.residual),
    ]
    return {self.player: player_value(texts, tracks, title="…", name="park-rain", remix=Remix(),
                                      picture=Picture(outcome.picture, alt, ("mixture", "target", "residual")))}

and ``{self.player: None}`` to empty it, which also lets go of the sounds in the browser. A part that is marked on
its picture, or with keys, comes as the component's event ``select``, whose ``gr.EventData`` :func:`chosen_part` reads:
when its button is pressed (``part=True``), or at once on the waveform of a recording (:func:`recording_value`).

Files are handed over as Gradio's own file values, so they are copied to its cache, served at addresses that cannot be
guessed, and deleted in time like all others. WAV files keep every sample; anything else is decoded by the browser.
"""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path
from typing import Any

import gradio as gr
from gradio.data_classes import FileData

from lass.errors import AudioError
from lass.ui.words.player_texts import PlayerTexts

HERE = Path(__file__).parent
SCRIPTS = ("player-sound.js", "player-engine.js", "player-page.js", "player.js")
"""In the order in which they build on each other."""

ON_LOAD = """
const show = () => { element.querySelector("lass-player").value = props.value; };
watch("value", show);
show();
element.addEventListener("part", (event) => trigger("select", event.detail));
"""


@dataclass(frozen=True)
class Track:
    """One thing that can be heard: a file, or the sum of other tracks, which then needs no file.

    ``key`` names it within the player and in the names of downloads, ``label`` is what its button says, ``hint`` a
    second line, shortened where there is no room. Tracks of one player have one sample rate and begin together.
    """

    key: str
    label: str
    path: Path | None = None
    sum_of: tuple[str, ...] = ()
    hint: str = ""


@dataclass(frozen=True)
class Picture:
    """Spectrograms that :func:`lass.plots.save` wrote, and which track each panel shows, from above."""

    path: Path
    alt: str
    panels: tuple[str, ...] = ()


@dataclass(frozen=True)
class Remix:
    """The keys of the three tracks that the remix slider leads between; the mixture is the sum of the other two."""

    target: str = "target"
    mixture: str = "mixture"
    residual: str = "residual"


def player(*, elem_id: str | None = None, **settings: Any) -> gr.HTML:
    """The component, empty. ``settings`` are those of ``gr.HTML``, such as ``visible``."""
    return gr.HTML(
        value=None, html_template="<lass-player></lass-player>", js_on_load=ON_LOAD, head=_head(),
        apply_default_css=False, elem_id=elem_id, **settings,
    )  # fmt: skip


def player_value(
    texts: PlayerTexts,
    tracks: Sequence[Track],
    *,
    title: str,
    name: str,
    selected: str | None = None,
    picture: Picture | None = None,
    remix: Remix | None = None,
    parts: Sequence[str] = (),
    part: bool = False,
) -> dict[str, Any]:
    """What a player shows and plays.

    Args:
        texts: its words.
        tracks: what can be switched between, in the order of the buttons and of the keys 1, 2, 3 …
        title: names the player for people who do not see it.
        name: how the names of downloads begin; the track's key or the mix follows.
        selected: the track that is heard first; the first one unless said otherwise.
        picture: spectrograms that the playhead moves on.
        remix: adds the slider from the target alone through the mixture to everything else.
        parts: keys of tracks with files; adds a switch for each that leaves it out of their mix, or takes it in.
        part: adds a button, while a part is marked, that tells the page of it.

    Raises:
        ValueError: a key stands twice or for nothing, or a track has neither or both of a file and parts.
        AudioError: the picture cannot be read.
    """
    _check(tracks, remix, parts)
    first = next(track.path for track in tracks if track.path is not None)
    seconds, rate = _extent(first)
    return {
        "title": title,
        "name": name,
        "tracks": [_track(track) for track in tracks],
        "selected": selected or tracks[0].key,
        "seconds": seconds,
        "rate": rate,
        "picture": None if picture is None else _picture(picture),
        "wave": False,
        "remix": None if remix is None else asdict(remix),
        "parts": list(parts),
        "part": part,
        "words": asdict(texts),
    }


def recording_value(texts: PlayerTexts, path: Path, *, title: str) -> dict[str, Any]:
    """A recording as a visitor gave it: its waveform, on which a part of it can be marked.

    The browser alone opens the file, which may be anything; what it cannot read, it says so of.
    """
    return {
        "title": title,
        "name": path.stem,
        "tracks": [_track(Track("recording", title, path))],
        "selected": "recording",
        "seconds": 0.0,
        "rate": None,
        "picture": None,
        "wave": True,
        "remix": None,
        "parts": [],
        "part": False,
        "words": asdict(texts),
    }


def chosen_part(event: gr.EventData) -> tuple[float, float]:
    """Beginning and end, in seconds, of the part that was marked; (0, 0) where none is, or no part of anything."""
    start, end = (getattr(event, name, None) for name in ("start", "end"))
    if not (isinstance(start, int | float) and isinstance(end, int | float) and 0 <= start < end < math.inf):
        return 0.0, 0.0
    return round(start, 2), round(end, 2)


def _check(tracks: Sequence[Track], remix: Remix | None, parts: Sequence[str]) -> None:
    by_key = {track.key: track for track in tracks}
    if len(by_key) != len(tracks):
        raise ValueError("two tracks of a player have the same key")
    for track in tracks:
        if (track.path is None) == (not track.sum_of):
            raise ValueError(f"the track {track.key} needs either a file or parts")
        if any(part not in by_key or by_key[part].path is None for part in track.sum_of):
            raise ValueError(f"the parts of the track {track.key} have to be tracks with files")
    if any(part not in by_key or by_key[part].path is None for part in parts):
        raise ValueError("the parts of a mix have to be tracks with files")
    if remix is not None and not {remix.target, remix.mixture, remix.residual} <= set(by_key):
        raise ValueError("the remix slider needs its three tracks")


def _track(track: Track) -> dict[str, Any]:
    return {
        "key": track.key,
        "label": track.label,
        "hint": track.hint,
        "sum_of": list(track.sum_of),
        "file": None if track.path is None else _file(track.path),
    }


def _picture(picture: Picture) -> dict[str, Any]:
    from lass.plots import read_layout

    layout = read_layout(picture.path)
    keys = [*picture.panels, *[""] * len(layout.panels)]
    return {
        "file": _file(picture.path),
        "alt": picture.alt,
        "panels": [{"key": key, **asdict(box)} for key, box in zip(keys, layout.panels, strict=False)],
        "bars": [asdict(box) for box in layout.bars],
    }


def _file(path: Path) -> dict[str, Any]:
    return FileData(path=str(path), orig_name=path.name).model_dump()


def _extent(path: Path) -> tuple[float, int | None]:
    """Seconds and hertz, as far as the file says before the browser has read it."""
    import soundfile

    try:
        about = soundfile.info(path)
    except soundfile.LibsndfileError as error:
        if not path.is_file():
            raise AudioError("A result is no longer there; separate again.") from error
        return 0.0, None
    return about.frames / about.samplerate, about.samplerate


@cache
def _head() -> str:
    """Script and style of the player; Gradio puts them on the page once, however many players there are."""
    script = "\n".join((HERE / name).read_text(encoding="utf-8") for name in SCRIPTS)
    style = json.dumps((HERE / "player.css").read_text(encoding="utf-8"))
    return (
        f"<script>(() => {{ if (customElements.get('lass-player')) return;\n"
        f'document.head.append(Object.assign(document.createElement("style"), {{ textContent: {style} }}));\n'
        f"{script}\n}})();</script>"
    )
