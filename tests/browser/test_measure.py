"""The page Mix & measure in a real browser, with the real application and its bundled model."""

import csv
import io
from pathlib import Path

import numpy as np
import pytest
import soundfile
from PIL import Image
from playwright.sync_api import Locator, Page, expect

from lass.metrics import sdr
from tests.browser.accessible import assert_accessible
from tests.browser.archives import sounds
from tests.browser.server import Server
from tests.browser.test_separate import LONG, button, drawn_width, saved
from tests.browser.widths import fits, on_each_width


def opened(page: Page, server: Server) -> Page:
    page.goto(f"{server.url}measure")
    button(page, "Mix, separate and measure").wait_for(timeout=LONG)
    return page


def median_lightness(picture: Locator) -> float:
    """What most of a picture looks like on the page: 0 is black, 255 white."""
    return float(np.median(np.asarray(Image.open(io.BytesIO(picture.screenshot())).convert("L"))))


@on_each_width
def test_two_shipped_sounds_are_mixed_separated_and_measured(
    page: Page, server: Server, console_errors: list[str]
) -> None:
    opened(page, server)
    page.get_by_label("number input for First over second (dB)").fill("6")
    page.keyboard.press("Tab")
    button(page, "Mix, separate and measure").click()
    measures = page.locator("#lass-measures")
    expect(measures).to_contain_text("SI-SDR", timeout=LONG)
    assert_accessible(page)
    assert fits(page)

    files = sounds(saved(page, "Download it all (zip)")[1])
    assert sdr(files["truth"], files["mixture"]) == pytest.approx(6.0, abs=0.01)
    np.testing.assert_allclose(files["truth"] + files["other-sound"], files["mixture"], atol=1e-4)
    np.testing.assert_allclose(files["target"] + files["residual"], files["mixture"], atol=1e-4)
    shown = measures.locator("strong").all_inner_texts()
    assert float(shown[0].removesuffix(" dB")) == pytest.approx(sdr(files["truth"], files["target"]), abs=0.06)
    assert float(shown[1].removesuffix(" dB")) > 3  # the model does better than nothing
    expect(measures).to_contain_text("less the SDR of the mixture (6.0 dB)")
    expect(page.locator("#lass-player")).to_contain_text("The wanted sound as it was")
    assert console_errors == []


def test_the_other_sound_can_be_wanted_and_the_mixture_heard_first(page: Page, server: Server) -> None:
    opened(page, server)
    page.get_by_label("the second sound").check()
    expect(page.get_by_label("Described as")).to_have_value("crickets chirping")
    button(page, "Hear the mixture").click()
    expect(page.locator("#lass-measures")).to_contain_text("The mixture is ready", timeout=LONG)
    expect(page.locator("#lass-player")).to_contain_text("The mixture")
    button(page, "Mix, separate and measure").click()
    expect(page.locator("#lass-measures")).to_contain_text("SI-SDR", timeout=LONG)
    files = sounds(saved(page, "Download it all (zip)")[1])
    assert sdr(files["truth"], files["target"]) > 3


def test_own_recordings_can_be_mixed(page: Page, server: Server, tmp_path: Path) -> None:
    time = np.arange(32_000) / 32_000
    soundfile.write(tmp_path / "tone.wav", 0.1 * np.sin(2 * np.pi * 440 * time), 32_000, subtype="FLOAT")
    opened(page, server)
    page.locator("#lass-first").get_by_role("listbox").or_(page.get_by_label("First sound")).first.click()
    page.get_by_role("option", name="Your own recording …").click()
    page.locator("#lass-first-file input[type=file]").set_input_files(tmp_path / "tone.wav")
    page.locator("#lass-first-file").get_by_role("button", name="Play", exact=True).wait_for(timeout=LONG)
    page.get_by_label("Described as").fill("a beep")
    button(page, "Mix, separate and measure").click()
    expect(page.locator("#lass-measures")).to_contain_text("SI-SDR", timeout=LONG)
    files = sounds(saved(page, "Download it all (zip)")[1])
    np.testing.assert_allclose(files["truth"][:32_000, 0], 0.1 * np.sin(2 * np.pi * 440 * time), atol=1e-5)
    assert not files["truth"][32_000:].any()


def test_a_sweep_is_a_plot_a_table_and_a_file_and_can_be_cancelled(page: Page, server: Server) -> None:
    opened(page, server)
    button(page, "Sweep the ratio").click()
    button(page, "Cancel").click(timeout=LONG)
    expect(page.locator("#lass-measure-status")).to_contain_text("Stopped", timeout=LONG)
    expect(page.locator("#lass-swept")).to_be_hidden()
    button(page, "Sweep the ratio").click()
    table = page.locator("#lass-sweep-table tbody tr")
    table.first.wait_for(timeout=LONG)
    assert table.count() == 7
    picture = page.locator("#lass-sweep-picture img")
    assert drawn_width(picture) == 960
    assert "+5 dB" in (picture.get_attribute("alt") or "")
    light = median_lightness(picture)
    page.emulate_media(color_scheme="dark")
    page.locator("body.dark, html.dark").first.wait_for(timeout=LONG)
    assert light > 200
    assert median_lightness(picture) < 60
    rows = list(csv.DictReader(io.StringIO(saved(page, "Download the table (CSV)")[1].decode())))
    assert [float(row["ratio_db"]) for row in rows] == [-15, -10, -5, 0, 5, 10, 15]
    # The fainter the sound, the more there is to gain.
    assert float(rows[0]["sdri_db"]) > float(rows[-1]["sdri_db"])
