"""Spectrogram pictures: the right sound in the right place, any text in its title, any length."""

from __future__ import annotations

import itertools
import subprocess
import sys
import warnings
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from PIL import Image

from lass.errors import AudioError
from lass.plots import FLOOR_DB, read_layout, save, spectrograms
from lass.plots import panels as draw_panels

RATE = 16_000


def tone(hertz: float, seconds: float = 1.0, rate: int = RATE, gain: float = 0.5) -> np.ndarray:
    time = np.arange(round(seconds * rate)) / rate
    return (gain * np.sin(2 * np.pi * hertz * time)).astype(np.float32)


def panels(figure: Figure) -> list[Axes]:
    """The axes of the spectrograms, without the colour bar's."""
    return [axes for axes in figure.axes if axes.images]


def image(axes: Axes) -> np.ndarray:
    return np.asarray(axes.images[0].get_array())


def loudest_hertz(axes: Axes) -> float:
    """Frequency of the strongest row in the middle of a panel, read through the picture's own axis."""
    pixels = image(axes)
    row = int(pixels[:, pixels.shape[1] // 2].argmax())
    top = axes.get_ylim()[1]
    return float(700.0 * (10 ** (top * (row + 0.5) / len(pixels) / 2595.0) - 1.0))


def test_three_panels_with_titles_axes_and_one_colour_bar() -> None:
    sound, rest = tone(440), tone(3000)
    figure = spectrograms(sound + rest, sound, rest, RATE, query="a low hum")
    mixture, target, residual = panels(figure)
    assert [axes.get_title("left") for axes in (mixture, target, residual)] == [
        "Mixture",
        "Target: a low hum",
        "Residual",
    ]
    assert len(figure.axes) == 4
    assert {axes.images[0].get_clim() for axes in panels(figure)} == {(FLOOR_DB, 0.0)}
    assert "dB" in figure.axes[3].get_xlabel()
    assert residual.get_xlabel() == "Time (s)"
    for axes in (mixture, target, residual):
        assert "Hz" in axes.get_ylabel()
        assert axes.get_xlim() == (0.0, 1.0)
        assert "8k" in [label.get_text() for label in axes.get_yticklabels()]


@pytest.mark.parametrize("hertz", [120.0, 440.0, 1000.0, 3000.0, 7000.0])
def test_a_tone_lies_at_its_frequency_and_the_target_shows_only_its_own(hertz: float) -> None:
    sound, rest = tone(hertz), tone(5000.0, gain=0.01)
    _, target, residual = panels(spectrograms(sound + rest, sound, rest, RATE, query="tone"))
    assert loudest_hertz(target) == pytest.approx(hertz, rel=0.03, abs=16)
    assert loudest_hertz(residual) == pytest.approx(5000.0, rel=0.03)


def test_one_scale_for_all_panels() -> None:
    loud, quiet = tone(500, gain=0.8), tone(2000, gain=0.008)
    mixture, target, residual = panels(spectrograms(loud + quiet, loud, quiet, RATE, query="x"))
    assert max(image(mixture).max(), image(target).max()) == 0.0
    assert image(residual).max() == pytest.approx(-40.0, abs=1.5)


def test_channels_add_as_powers_so_opposite_phases_do_not_vanish() -> None:
    left = tone(1000)
    stereo, opposite = np.stack([left, left]), np.stack([left, -left])
    _, target, residual = panels(spectrograms(stereo, stereo, opposite, RATE, query="x"))
    np.testing.assert_allclose(image(target), image(residual), atol=1e-4)


def test_short_bursts_of_a_long_recording_are_not_skipped() -> None:
    silence = np.zeros(300 * 8000, dtype=np.float32)
    rng = np.random.default_rng(5)
    clicks = silence.copy()
    positions = rng.integers(0, len(clicks), 40)
    clicks[positions] = 1.0
    mixture, _, residual = panels(spectrograms(clicks, silence, clicks, 8000, query="x"))
    columns = image(mixture).shape[1]
    assert columns < 2000
    visible = image(residual).max(axis=0) > FLOOR_DB
    for position in positions:
        column = round(position / len(clicks) * columns)
        assert visible[max(column - 2, 0) : column + 3].any()
    assert visible.sum() < 4 * len(positions)


@pytest.mark.parametrize("samples", [1, 2, 31, 100, 1600])
@pytest.mark.parametrize("rate", [8000, 44_100, 192_000])
def test_short_recordings_are_drawn(samples: int, rate: int, tmp_path: Path) -> None:
    sound = np.ones(samples, dtype=np.float32)
    figure = spectrograms(sound, sound, 0 * sound, rate, query="a click")
    assert save(figure, tmp_path / "short.png").stat().st_size > 1000
    assert panels(figure)[0].get_xlim()[1] == pytest.approx(samples / rate)


def test_digital_silence_is_dark() -> None:
    silence = np.zeros(RATE, dtype=np.float32)
    for axes in panels(spectrograms(silence, silence, silence, RATE, query="nothing")):
        assert image(axes).max() <= FLOOR_DB


@pytest.mark.parametrize(
    "query",
    [
        "costs $5 or $x^2$ \\frac{1}{",
        "two\nlines\tand\r\x00more\x1b[31m",
        "W" * 5000,
        "\u72d7\u5728\u53eb",
        "\U0001f436\u200d\U0001f43e\ufe0f dog",
        "\u202eesrever \u0646\u0628\u0627\u062d \u05db\u05dc\u05d1",
        "Z" + "\u0300\u0301\u0302" * 60,
        "\ud800",
        "",
        "   ",
    ],
)
def test_any_query_makes_a_quiet_one_line_title_inside_the_picture(query: str, tmp_path: Path) -> None:
    sound = tone(440, 0.2)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        figure = spectrograms(sound, sound, sound, RATE, query=query)
        save(figure, tmp_path / "title.png")
    target = panels(figure)[1]
    title = target.get_title("left")
    assert title.startswith("Target")
    assert title.isprintable()
    drawn = next(child for child in target.get_children() if getattr(child, "get_text", str)() == title)
    assert drawn.get_window_extent().x1 <= target.get_window_extent().x1 + 1


def test_a_long_query_keeps_its_beginning() -> None:
    sound = tone(440, 0.2)
    title = panels(spectrograms(sound, sound, sound, RATE, query="a dog " * 40))[1].get_title("left")
    assert title.startswith("Target: a dog a dog")
    assert title.endswith("\u2026")


@pytest.mark.parametrize("rate", [8000, 11_025, 22_050, 44_100, 48_000, 96_000, 192_000])
def test_labels_stay_inside_the_picture_and_apart_at_any_rate(rate: int, tmp_path: Path) -> None:
    sound = tone(440, 0.5, rate)
    figure = spectrograms(sound, sound, sound, rate, query="x")
    save(figure, tmp_path / "rate.png")
    for axes in panels(figure):
        boxes = sorted((label.get_window_extent() for label in axes.get_yticklabels()), key=lambda box: box.y0)
        assert axes.yaxis.label.get_window_extent().x0 >= 0
        assert axes.yaxis.label.get_window_extent().x1 <= min(box.x0 for box in boxes)
        # A text's box is a line high, descenders included; figures have none.
        assert all(upper.y0 - lower.y0 >= 0.9 * lower.height for lower, upper in itertools.pairwise(boxes))
        assert max(axes.get_yticks()) == pytest.approx(axes.get_ylim()[1])


def test_save_writes_a_png_and_its_folder(tmp_path: Path) -> None:
    sound = tone(440)
    path = save(spectrograms(sound, sound, sound, RATE, query="x"), tmp_path / "new" / "picture.png")
    with Image.open(path) as picture:
        assert picture.format == "PNG"
        assert picture.size == (960, 1152)


def test_a_saved_picture_says_where_its_panels_lie(tmp_path: Path) -> None:
    silence, late = np.zeros(RATE, np.float32), np.zeros(RATE, np.float32)
    late[RATE // 2 :] = tone(1000, 0.5)
    path = save(spectrograms(late, silence, late, RATE, query="x"), tmp_path / "picture.png")
    layout = read_layout(path)
    assert len(layout.panels) == 3
    assert len(layout.bars) == 1
    pixels = np.asarray(Image.open(path).convert("L"), dtype=float)
    rows, columns = pixels.shape
    for box, bright in zip(layout.panels, (True, False, True), strict=True):
        top, bottom = round(box.top * rows), round(box.bottom * rows)
        left, right = round(box.left * columns), round(box.right * columns)
        inside = pixels[top + 3 : bottom - 3, left + 3 : right - 3]
        assert pixels[top : bottom, right + 8 :].mean() == 255  # white begins where the panel ends
        assert inside.mean() < 128
        middle = inside.shape[1] // 2
        loudest = inside.max(axis=0)
        assert bool(loudest[middle + 20 :].min() > 200) is bright
        assert loudest[: middle - 60].max() < 200  # the second half of the second is the second half of the box


def test_other_pictures_have_no_layout(tmp_path: Path) -> None:
    Image.new("RGB", (8, 8)).save(tmp_path / "plain.png")
    assert read_layout(tmp_path / "plain.png").panels == ()
    with pytest.raises(AudioError, match=r"gone\.png"):
        read_layout(tmp_path / "gone.png")


def test_a_picture_that_cannot_be_written_says_so(tmp_path: Path) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("not a folder")
    sound = tone(440, 0.1)
    with pytest.raises(AudioError, match="could not be written"):
        save(spectrograms(sound, sound, sound, RATE, query="x"), blocked / "picture.png")


@pytest.mark.parametrize(
    ("mixture", "target"),
    [
        (np.zeros(100), np.zeros(99)),
        (np.zeros(0), np.zeros(0)),
        (np.full(100, np.nan), np.zeros(100)),
        (np.full(100, np.inf), np.zeros(100)),
        (np.zeros((1, 1, 100)), np.zeros((1, 1, 100))),
    ],
)
def test_what_cannot_be_drawn_is_refused(mixture: np.ndarray, target: np.ndarray) -> None:
    with pytest.raises(AudioError):
        spectrograms(mixture, target, target, RATE, query="x")


def test_several_visitors_are_served_at_once(tmp_path: Path) -> None:
    def draw(number: int) -> bytes:
        sound = tone(300.0 * (1 + number % 3))
        figure = spectrograms(sound, sound, 0.1 * sound, RATE, query=f"visitor {number % 3}")
        return save(figure, tmp_path / f"{number}.png").read_bytes()

    alone = [draw(number) for number in range(3)]
    with ThreadPoolExecutor(6) as pool:
        together = list(pool.map(draw, range(12)))
    assert len(set(alone)) == 3
    assert together == alone * 4


def test_pyplot_is_never_imported() -> None:
    program = (
        "import sys, numpy as np, lass.plots as plots\n"
        "x = np.zeros(800, np.float32)\n"
        "plots.spectrograms(x, x, x, 8000, query='x')\n"
        "sys.exit('matplotlib.pyplot' in sys.modules)\n"
    )
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0


def test_any_number_of_waveforms_shares_one_scale(rng: np.random.Generator) -> None:
    noise = rng.normal(0, 0.1, (2, 16_000)).astype(np.float32)
    titled = [("Mixture", "", noise), ("Stem", "rain", noise / 2), ("Stem", "dog", noise / 4), ("Rest", "", noise / 4)]
    figure = draw_panels(titled, 16_000)
    assert figure.bbox.width == 960
    assert [axes.get_title(loc="left") for axes in figure.axes[:4]] == ["Mixture", "Stem: rain", "Stem: dog", "Rest"]
    peaks = [axes.images[0].get_array().max() for axes in figure.axes[:4]]
    assert peaks == pytest.approx([0, -6.02, -12.04, -12.04], abs=0.01)
