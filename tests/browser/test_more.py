"""Several descriptions, removing and a part of a recording, on the page Separate: what they do to the sound."""

from pathlib import Path

import numpy as np
import pytest
import soundfile
from playwright.sync_api import Page, expect

from tests.browser.accessible import assert_accessible
from tests.browser.archives import sounds
from tests.browser.server import Server
from tests.browser.test_separate import (
    LONG,
    RATE,
    ask,
    await_results,
    button,
    opened,
    question,
    saved,
    scene,
    sound,
    upload,
)
from tests.browser.widths import fits, on_each_width


def more(page: Page) -> None:
    page.get_by_role("button", name="More: several sounds").click()


def given(page: Page, server: Server, path: Path, words: str = "a siren wailing") -> None:
    """A recording and a description are given, and the further choices lie open."""
    opened(page, server)
    upload(page, path)
    question(page).fill(words)
    more(page)


def ask_again(page: Page) -> None:
    button(page).click()
    await_results(page)


@on_each_width
def test_several_descriptions_give_stems_that_add_up(
    page: Page, server: Server, tmp_path: Path, console_errors: list[str]
) -> None:
    path = scene(tmp_path / "street.wav")
    given(page, server, path)
    button(page, "Add another description").click()
    page.get_by_label("description 2").fill("rain falling")
    ask_again(page)

    name, content = saved(page, "Download it all (zip)")
    assert name == "street-stems-resunet-compact.zip"
    parts = sounds(content)
    assert sorted(parts) == [
        "street-stems-resunet-compact-1-a-siren-wailing-stem",
        "street-stems-resunet-compact-2-rain-falling-stem",
        "street-stems-resunet-compact-rest",
    ]
    mixture = soundfile.read(path, dtype="float32")[0]
    np.testing.assert_allclose(sum(parts.values()), mixture, atol=1e-4)
    assert all(np.std(part) > 1e-4 for part in parts.values())

    player = page.locator("#lass-player")
    for label in ("“a siren wailing”", "“rain falling”", "Everything else", "As recorded"):
        expect(player).to_contain_text(label)
    player.get_by_role("group", name="In the mix").get_by_role("button", name="“rain falling”").click()
    without = sound(page, "Download as heard")
    rain = parts["street-stems-resunet-compact-2-rain-falling-stem"]
    np.testing.assert_allclose(without, mixture - rain, atol=1e-4)
    expect(page.locator("#lass-get-stems")).to_contain_text("stem")
    expect(button(page, "Download this sound")).to_be_hidden()
    rest = sound(page, "Download everything else")
    np.testing.assert_allclose(rest, parts["street-stems-resunet-compact-rest"], atol=1e-6)
    assert fits(page)
    assert console_errors == []


@on_each_width
def test_removing_gives_the_recording_without_the_sound(page: Page, server: Server, tmp_path: Path) -> None:
    path = scene(tmp_path / "street.wav", 2)
    opened(page, server)
    ask(page, path, "a siren wailing")
    await_results(page)
    kept = sound(page, "Download this sound")
    more(page)
    page.get_by_label("Remove it").check()
    expect(page.locator("#lass-results")).to_be_hidden()
    ask_again(page)
    without = sound(page, "Download the changed recording")
    np.testing.assert_allclose(sound(page, "Download what was removed"), kept, atol=1e-5)
    np.testing.assert_allclose(without + kept, soundfile.read(path, dtype="float32")[0], atol=1e-4)


@on_each_width
def test_only_the_chosen_part_changes(page: Page, server: Server, tmp_path: Path) -> None:
    path = scene(tmp_path / "street.wav", 6)
    given(page, server, path)
    page.get_by_label("From", exact=True).fill("2")
    page.get_by_label("To (0: the end)").fill("4")
    ask_again(page)
    assert_only_changed_within(page, path, 2, 4)
    edited, taken = sound(page, "Download the changed recording"), sound(page, "Download what was removed")
    np.testing.assert_allclose(edited + taken, soundfile.read(path, dtype="float32")[0], atol=1e-4)


def drag(page: Page, over: str, start: float, end: float) -> None:
    """Mark a part on a player's picture or waveform: beginning and end as shares of its width."""
    axes = page.locator(f"{over} .lp-axes")
    axes.scroll_into_view_if_needed()
    box = axes.bounding_box()
    assert box is not None
    down = box["y"] + 8
    page.mouse.move(box["x"] + start * box["width"], down)
    page.mouse.down()
    page.mouse.move(box["x"] + end * box["width"], down, steps=4)
    page.mouse.up()


def assert_only_changed_within(page: Page, path: Path, start: float, end: float) -> None:
    """The changed recording is the one in ``path`` outside of the seconds given, and differs from it within."""
    mixture, edited = soundfile.read(path, dtype="float32")[0], sound(page, "Download the changed recording")
    first, last = round(start * RATE), round(end * RATE)
    np.testing.assert_array_equal(edited[:first], mixture[:first])
    np.testing.assert_array_equal(edited[last:], mixture[last:])
    assert np.std((edited - mixture)[first:last]) > 0.1 * np.std(mixture)


@on_each_width
def test_a_part_is_marked_on_the_waveform_of_the_recording(page: Page, server: Server, tmp_path: Path) -> None:
    path = scene(tmp_path / "street.wav", 6)
    given(page, server, path)
    wave = page.locator("#lass-wave .lp:not(.lp-loading)")
    wave.locator(".lp-wave > svg path").wait_for(state="attached", timeout=LONG)
    assert fits(page)
    assert_accessible(page)
    drag(page, "#lass-wave", 0.25, 0.5)
    expect(page.get_by_label("From", exact=True)).not_to_have_value("0", timeout=LONG)
    start, end = (float(page.get_by_label(label, exact=True).input_value()) for label in ("From", "To (0: the end)"))
    assert (start, end) == pytest.approx((1.5, 3.0), abs=0.1)
    ask_again(page)
    assert_only_changed_within(page, path, start, end)
    drag(page, "#lass-wave", 0.9, 0.9)  # a click beside the part leaves it
    expect(page.get_by_label("From", exact=True)).to_have_value("0", timeout=LONG)
    expect(page.locator("#lass-results")).to_be_hidden()
    page.get_by_label("From", exact=True).fill("4.5")  # what is typed is seen on the waveform
    shade, axes = (page.locator(f"#lass-wave {one}") for one in (".lp-shade", ".lp-axes"))
    expect(shade).to_be_visible()
    marked, whole = shade.bounding_box(), axes.bounding_box()
    assert marked is not None
    assert whole is not None
    assert marked["x"] - whole["x"] == pytest.approx(0.75 * whole["width"], abs=3)


@on_each_width
def test_a_part_that_is_marked_on_the_result_is_separated_by_itself(
    page: Page, server: Server, tmp_path: Path
) -> None:
    path = scene(tmp_path / "street.wav", 6)
    opened(page, server)
    ask(page, path, "a siren wailing")
    await_results(page)
    part = button(page, "Separate just this part")
    page.locator("#lass-player .lp:not(.lp-loading) .lp-picture").wait_for(timeout=LONG)
    expect(part).to_be_hidden()
    drag(page, "#lass-player", 1 / 3, 2 / 3)
    part.click()
    expect(page.locator("#lass-player")).to_contain_text("With only “a siren wailing” from", timeout=LONG)
    start, end = (float(page.get_by_label(label, exact=True).input_value()) for label in ("From", "To (0: the end)"))
    assert (start, end) == pytest.approx((2.0, 4.0), abs=0.1)
    assert_only_changed_within(page, path, start, end)


def test_a_part_beyond_the_end_is_said_in_a_sentence(page: Page, server: Server, tmp_path: Path) -> None:
    given(page, server, scene(tmp_path / "street.wav", 1), "rain")
    page.get_by_label("From", exact=True).fill("50")
    button(page).click()
    expect(page.get_by_role("alert").filter(has_text="the recording ends at 1.0 s")).to_be_visible(timeout=60_000)


def test_a_part_before_the_beginning_is_said_in_a_sentence_and_not_drawn(
    page: Page, server: Server, tmp_path: Path
) -> None:
    given(page, server, scene(tmp_path / "street.wav", 1), "rain")
    wave = page.locator("#lass-wave .lp:not(.lp-loading)")
    wave.locator(".lp-wave > svg path").wait_for(state="attached", timeout=LONG)
    page.get_by_label("To (0: the end)").fill("0.8")
    expect(wave.locator(".lp-shade")).to_be_visible()
    page.get_by_label("From", exact=True).fill("-3")
    expect(wave.locator(".lp-shade")).to_be_hidden()
    expect(wave.locator(".lp-time")).to_contain_text("0:00.0 /")
    button(page).click()
    expect(page.get_by_role("alert").filter(has_text="give both in seconds from 0 on")).to_be_visible(timeout=60_000)
    expect(page.get_by_text("minimum value")).to_have_count(0)


def test_a_description_can_be_taken_back(page: Page, server: Server, tmp_path: Path) -> None:
    given(page, server, scene(tmp_path / "street.wav", 1), "rain")
    button(page, "Add another description").click()
    page.get_by_label("description 2").fill("a siren")
    button(page, "Take the last one back").click()
    expect(page.get_by_label("description 2")).to_be_hidden()
    ask_again(page)
    assert "rain" in saved(page, "Download this sound")[0]
    assert sound(page, "Download this sound").std() + sound(page, "Download everything else").std() > 0
