"""Pictures of a separation: spectrograms of mixture, target and residual on one colour scale.

Figures are made with matplotlib's object interface and the Agg canvas, never with pyplot, so that every call
owns its figure and several visitors can be served at once. Nothing here needs a display.

What a pixel shows: power spectra (Hann window of about 50 ms, shorter for short recordings), channels added
as powers, the mean power over the time a pixel covers, and the strongest bin among the frequencies it covers,
so that a tone looks as bright high up as low down. Every frame counts, however long the recording; time and
memory stay bounded because frames are added into columns block by block. Frequency runs on the mel scale,
2595 log10(1 + f / 700).
"""

from __future__ import annotations

import json
import math
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import astuple, dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
import scipy.fft
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties, findfont, get_font
from matplotlib.image import AxesImage
from matplotlib.text import Text
from matplotlib.ticker import FixedLocator, MaxNLocator, NullLocator
from numpy.typing import ArrayLike, NDArray

from lass.errors import AudioError
from lass.waveforms import Computed, Spool, Waveform, padded

FLOOR_DB = -80.0
"""Decibels under the loudest point of the three panels: what lies lower is drawn in the darkest colour."""

_COLUMNS, _ROWS = 720, 256  # about the pixels of one panel
_BLOCK = 128  # frames held in memory at once; more would leave the processor's cache
_WINDOW_SECONDS = 0.05

# 4 inches on 960 pixels: type of 9 points is 11 pixels high when a phone shows the picture 360 pixels wide.
_WIDTH, _DPI = 4.0, 240
FAMILY = "DejaVu Sans"
"""The typeface of every picture: it comes with matplotlib, so pictures are the same on every machine."""

_TITLE_POINTS, _LABEL_POINTS, _TICK_POINTS = 9.0, 8.0, 7.5
_COLOURS = "magma"
_LONGEST_TITLE = 200  # characters looked at; far more than a panel is wide
_BOX = "\u25a1"
_TICKS_HZ = (100, 250, 500, 1000, 2000, 4000, 8000, 16000, 32000, 64000)
_LEFT, _BREADTH = 0.14, 0.825  # of the width of the figure; the rest is for the frequency labels
_MARK_GAP = 0.1  # of the height of a panel: two closer frequency labels would touch


Drawable = ArrayLike | Waveform
_LAYOUT = "lass:layout"
"""The text chunk of a saved picture that says where its axes lie."""


@dataclass(frozen=True)
class Box:
    """A rectangle of a picture: shares of its width and height, counted from the top left corner."""

    left: float
    top: float
    right: float
    bottom: float


@dataclass(frozen=True)
class Layout:
    """Where the coloured parts of a picture lie.

    A panel's box begins at second 0 and ends at the last; ``bars`` are colour bars. Everything else is black on white.
    """

    panels: tuple[Box, ...] = ()
    bars: tuple[Box, ...] = ()


def spectrograms(mixture: Drawable, target: Drawable, residual: Drawable, sample_rate: int, *, query: str) -> Figure:
    """Draw mixture, target and residual under each other, with one colour scale and one time axis.

    Args:
        mixture, target, residual: waveforms of one shape, `(samples,)` or `(channels, samples)`.
        sample_rate: hertz.
        query: what was asked for; it stands in the title of the target. Any text: it is cut to the width of
            the picture, never read as mathematics, and characters without a glyph are drawn as a box.

    Returns:
        A figure of 960 x 1152 pixels on an Agg canvas; 0 dB is the loudest point of all three panels.

    Raises:
        AudioError: the shapes differ, or a waveform is empty or not finite.
    """
    waveforms = (mixture, target, residual)
    titled = [(*title, waveform) for title, waveform in zip(_titles(query), waveforms, strict=True)]
    return panels(titled, sample_rate)


def panels(waveforms: Sequence[tuple[str, str, Drawable]], sample_rate: int) -> Figure:
    """Draw any number of waveforms under each other, with one colour scale and one time axis.

    Args:
        waveforms: for each its title, words from outside that stand behind it (or none), and the waveform, all of one
            shape, `(samples,)` or `(channels, samples)`.
        sample_rate: hertz.

    Returns:
        A figure 960 pixels wide, with 320 of its height for each panel; 0 dB is the loudest point of all.

    Raises:
        AudioError: the shapes differ, or a waveform is empty or not finite.
    """
    images, seconds = _levels(tuple(waveform for _, _, waveform in waveforms), sample_rate)
    # In inches, so that panels look alike however many there are.
    bottom, above, gap, height = 0.855, 0.205, 0.265, 1.07
    total = round(_DPI * (bottom + above + len(images) * (height + gap) - gap)) / _DPI
    figure = new_figure(height=total)
    for index, (image, (title, detail, _)) in enumerate(zip(images, waveforms, strict=True)):
        lower = total - above - height - index * (height + gap)
        axes = figure.add_axes((_LEFT, lower / total, _BREADTH, height / total))
        shown = _panel(axes, image, seconds, sample_rate, time_labels=index == len(images) - 1)
        _title(axes, title, printable(detail))
    _colour_bar(figure, shown, bottom=0.4 / total, height=0.086 / total)
    return figure


def layout(figure: Figure) -> Layout:
    """Where the panels of a figure lie, in the order in which they were drawn, and its colour bars."""

    def boxes(*, panels: bool) -> tuple[Box, ...]:
        places = [axes.get_position() for axes in figure.axes if bool(axes.images) is panels]
        return tuple(Box(*(round(float(x), 6) for x in (p.x0, 1 - p.y1, p.x1, 1 - p.y0))) for p in places)

    return Layout(boxes(panels=True), boxes(panels=False))


def read_layout(path: str | Path) -> Layout:
    """The layout of a picture that :func:`save` wrote; an empty one for any other PNG.

    Raises:
        AudioError: there is no such picture.
    """
    from PIL import Image

    try:
        with Image.open(path) as picture:
            written = json.loads(picture.info.get(_LAYOUT, "{}"))
    except OSError as error:
        raise AudioError(f"{Path(path).name} is not a picture that can be read; separate again.") from error
    return Layout(*(tuple(Box(*box) for box in written.get(part, ())) for part in ("panels", "bars")))


def save(figure: Figure, path: str | Path) -> Path:
    """Write a figure as PNG at its own resolution, making the folder if need be.

    The file says where its axes lie, see :func:`read_layout`, so that a player can put a playhead on them.

    Raises:
        AudioError: the file cannot be written.
    """
    destination = Path(path)
    try:
        destination.parent.mkdir(parents=True, exist_ok=True)
        # Spectrograms hardly compress: the usual effort would take longer than drawing and save a tenth.
        places = {part: [astuple(box) for box in boxes] for part, boxes in vars(layout(figure)).items()}
        FigureCanvasAgg(figure).print_png(
            str(destination), metadata={_LAYOUT: json.dumps(places)}, pil_kwargs={"compress_level": 2}
        )
    except OSError as error:
        reason = error.strerror or "the disk refused it"
        raise AudioError(
            f"The picture could not be written to {destination} ({reason}); choose another folder."
        ) from error
    return destination


def _levels(waveforms: tuple[Drawable, ...], sample_rate: int) -> tuple[list[NDArray[np.float64]], float]:
    """Images `(rows, columns)` in dB under the loudest point of all, low rows first; and the seconds."""
    arrays = [_channels(waveform) for waveform in waveforms]
    if len({array.shape for array in arrays}) != 1:
        raise AudioError("Mixture, target and residual differ in length or channels; draw waveforms of one shape.")
    if arrays[0].shape[-1] == 0 or sample_rate <= 0:
        raise AudioError("A recording without samples or sample rate cannot be drawn; give one that lasts longer.")
    powers = [_power_columns(array, sample_rate) for array in arrays]
    loudest = max(float(power.max()) for power in powers)
    if not math.isfinite(loudest):
        raise AudioError("A recording holds values that are not numbers and cannot be drawn; check how it was made.")
    seconds = arrays[0].shape[-1] / sample_rate
    if loudest == 0.0:  # digital silence has no loudest point
        return [np.full((_ROWS, power.shape[1]), FLOOR_DB) for power in powers], seconds
    smallest = loudest * 1e-20  # far under the floor; keeps the logarithm finite
    images = [_mel_rows(10.0 * np.log10(np.maximum(power, smallest)), sample_rate) for power in powers]
    peak = max(float(image.max()) for image in images)
    return [image - peak for image in images], seconds


def _channels(waveform: Drawable) -> Waveform:
    if isinstance(waveform, Computed | Spool):
        return waveform
    array = np.atleast_2d(np.asarray(waveform, dtype=np.float32))
    if array.ndim != 2:
        raise AudioError(f"A recording of shape {array.shape} cannot be drawn; give (samples,) or (channels, samples).")
    return array


def _power_columns(channels: Waveform, sample_rate: int) -> NDArray[np.float64]:
    """Power spectrogram `(bins, columns)`: summed over channels, averaged over the frames of each column."""
    samples = channels.shape[-1]
    window_size = _window_size(samples, sample_rate)
    # Never more than half a window, so that no sample falls between two windows.
    hop = min(max(math.ceil(samples / _COLUMNS), window_size // 16, 1), window_size // 2)
    frames = 1 + samples // hop
    columns = min(frames, _COLUMNS)
    column_of_frame = np.arange(frames) * columns // frames
    total = np.zeros((columns, window_size // 2 + 1))
    with np.errstate(all="ignore"):  # what is not finite is refused as a whole, later
        for first, blocks in _frames(channels, window_size, hop, frames):
            for block in blocks:
                spectrum = scipy.fft.rfft(block, axis=-1)
                power = spectrum.real**2 + spectrum.imag**2
                owners = column_of_frame[first : first + len(block)]
                starts = np.flatnonzero(np.diff(owners, prepend=-1))
                total[owners[starts]] += np.add.reduceat(power, starts, axis=0)
    counts = np.bincount(column_of_frame, minlength=columns)
    return (total / counts[:, None]).T


def _window_size(samples: int, sample_rate: int) -> int:
    """A power of two near 50 ms, at most a quarter of the recording: short ones still show their course."""
    usual = 2 ** round(math.log2(max(_WINDOW_SECONDS * sample_rate, 64)))
    longest = 2 ** int(math.log2(max(samples / 4, 64)))
    return min(usual, longest)


def _frames(
    channels: Waveform, size: int, hop: int, count: int
) -> Iterator[tuple[int, Iterator[NDArray[np.float32]]]]:
    """Windowed frames centred on every hop: the number of a block's first, and `(frames, size)` of each channel."""
    window = (0.5 - 0.5 * np.cos(2 * np.pi * np.arange(size) / size)).astype(np.float32)
    for first in range(0, count, _BLOCK):
        last = min(first + _BLOCK, count) - 1
        begin, end = first * hop - size // 2, last * hop - size // 2 + size
        views = np.lib.stride_tricks.sliding_window_view(padded(channels, begin, end), size, axis=1)[:, ::hop]
        yield first, (view * window for view in views)


def _mel_rows(decibels: NDArray[np.float64], sample_rate: int) -> NDArray[np.float64]:
    """From bins evenly spaced to the Nyquist frequency, `(bins, columns)`, to rows evenly spaced in mel."""
    bins = len(decibels)
    edges = _hertz(np.linspace(0.0, _mel(sample_rate / 2), _ROWS + 1)) / (sample_rate / 2) * (bins - 1)
    starts = np.minimum(np.round(edges[:-1]).astype(int), bins - 1)
    rows = np.maximum.reduceat(decibels, starts, axis=0)
    # A row narrower than a bin lies between two of them: interpolate, or low frequencies turn into stripes.
    narrow = np.flatnonzero(np.diff(edges) < 1.0)
    centres = (edges[narrow] + edges[narrow + 1]) / 2
    below = np.minimum(centres.astype(int), bins - 2)
    share = (centres - below)[:, None]
    rows[narrow] = (1.0 - share) * decibels[below] + share * decibels[below + 1]
    return rows


def _mel(hertz: float) -> float:
    return 2595.0 * math.log10(1.0 + hertz / 700.0)


def _hertz(mel: NDArray[np.float64]) -> NDArray[np.float64]:
    return 700.0 * (10.0 ** (mel / 2595.0) - 1.0)


def new_figure(*, height: float) -> Figure:
    """An empty white figure on an Agg canvas, 960 pixels wide; the height in inches of 240 pixels."""
    figure = Figure(figsize=(_WIDTH, height), dpi=_DPI, facecolor="white")
    FigureCanvasAgg(figure)
    return figure


def _panel(axes: Axes, image: NDArray[np.float64], seconds: float, sample_rate: int, *, time_labels: bool) -> AxesImage:
    nyquist = sample_rate / 2
    top = _mel(nyquist)
    shown = axes.imshow(
        image, origin="lower", extent=(0.0, seconds, 0.0, top), aspect="auto", interpolation="bilinear",
        cmap=_COLOURS, vmin=FLOOR_DB, vmax=0.0,
    )  # fmt: skip
    marks = _frequency_marks(nyquist)
    axes.yaxis.set_major_locator(FixedLocator([_mel(hertz) for hertz in marks]))
    axes.yaxis.set_minor_locator(NullLocator())
    axes.set_yticklabels([_hertz_label(hertz) for hertz in marks])
    axes.xaxis.set_major_locator(MaxNLocator(nbins=6, steps=[1, 2, 5, 10]))
    axes.set_ylabel("Frequency (Hz)", fontsize=_LABEL_POINTS, family=FAMILY)
    # A place of its own: the width of the figures beside it must not push the label out of the picture.
    axes.yaxis.set_label_coords(-0.115, 0.5)
    if time_labels:
        axes.set_xlabel("Time (s)", fontsize=_LABEL_POINTS, family=FAMILY, labelpad=2)
    axes.tick_params(labelsize=_TICK_POINTS, labelbottom=time_labels, labelfontfamily=FAMILY, length=2.5, pad=2)
    return shown


def _frequency_marks(nyquist: float) -> list[float]:
    """Hertz to label: the Nyquist frequency always, below it what keeps its distance from the label above."""
    marks = [nyquist]
    for hertz in reversed(_TICKS_HZ):
        if _mel(marks[-1]) - _mel(hertz) > _MARK_GAP * _mel(nyquist):
            marks.append(float(hertz))
    return marks


def _hertz_label(hertz: float) -> str:
    """At most three characters and a k: 500, 5.5k, 22k."""
    if hertz < 1000:
        return f"{hertz:.0f}"
    return f"{hertz / 1000:.1f}".removesuffix(".0") + "k" if hertz < 10_000 else f"{hertz / 1000:.0f}k"


def _colour_bar(figure: Figure, shown: AxesImage, *, bottom: float, height: float) -> None:
    # Under the panels, where it takes nothing from their width.
    bar = figure.colorbar(
        shown,
        cax=figure.add_axes((_LEFT, bottom, _BREADTH, height)),
        orientation="horizontal",
        ticks=np.arange(FLOOR_DB, 1.0, 20.0).tolist(),
    )
    bar.set_label("Level under the loudest point (dB)", fontsize=_LABEL_POINTS, family=FAMILY, labelpad=2)
    bar.ax.tick_params(labelsize=_TICK_POINTS, labelfontfamily=FAMILY, length=2.5, pad=2)


def _titles(query: str) -> tuple[tuple[str, str], tuple[str, str], tuple[str, str]]:
    """Titles of the three panels, each with the text from outside that may be cut."""
    return ("Mixture", ""), ("Target", query), ("Residual", "")


def _title(axes: Axes, title: str, detail: str) -> None:
    """Set a title of one line, cutting the detail to the width of the panel."""
    text = axes.set_title(
        title, loc="left", fontsize=_TITLE_POINTS, family=FAMILY, fontweight="bold", pad=3, parse_math=False
    )
    if detail:
        fit(text, f"{title}: ", detail, room=axes.get_window_extent().width)


def fit(artist: Text, fixed: str, detail: str, *, room: float) -> None:
    """Give a text artist `fixed` and as much of the beginning of `detail` as `room` pixels hold."""

    def fits(length: int) -> bool:
        shown = detail if length == len(detail) else f"{detail[:length].rstrip()}\u2026"
        artist.set_text(fixed + shown)
        return bool(artist.get_window_extent().width <= room)

    if fits(len(detail)):
        return
    # By halving, because the width grows with the length; the last call leaves the longest that fits.
    short, long = 0, len(detail)
    while long - short > 1:
        middle = (short + long) // 2
        short, long = (middle, long) if fits(middle) else (short, middle)
    fits(short)


def printable(text: str) -> str:
    """Text from outside as one line that `FAMILY` can draw, of at most 200 characters.

    Control and direction characters go, and a box stands for each run of characters without a glyph.

    Empty when nothing of the text has a glyph.
    """
    known = _glyphs()
    kept: list[str] = []
    for character in unicodedata.normalize("NFC", text[:_LONGEST_TITLE]):
        kind = unicodedata.category(character)
        if character.isspace():
            kept.append(" ")
        elif kind in ("Cc", "Cf", "Cs") or 0xFE00 <= ord(character) <= 0xFE0F:
            continue
        elif ord(character) in known:
            # More than two marks on one letter would paint over the panels.
            if kind in ("Mn", "Me") and len(kept) > 1 and all(unicodedata.combining(last) for last in kept[-2:]):
                continue
            kept.append(character)
        elif kept[-1:] != [_BOX]:
            kept.append(_BOX)
    line = " ".join("".join(kept).split())
    return line if any(character.isalnum() for character in line) else ""


@lru_cache(maxsize=1)
def _glyphs() -> frozenset[int]:
    return frozenset(get_font(findfont(FontProperties(family=FAMILY))).get_charmap())
