"""The page Separate in a real browser, with the real application and its bundled model."""

import io
import json
import zipfile
from collections.abc import Callable
from pathlib import Path

import av
import numpy as np
import pytest
import soundfile
from playwright.sync_api import Locator, Page, expect

from tests.browser.server import Server
from tests.browser.widths import fits, on_each_width

RATE = 32_000
LONG = 120_000  # milliseconds: two busy cores take their time

OpenPage = Callable[[str], Page]


def scene(path: Path, seconds: float = 4.0, *, level: float = 0.1, channels: int = 2) -> Path:
    """A rising tone in noise, in a file of 16 bits."""
    time = np.arange(round(seconds * RATE)) / RATE
    tone = np.sin(2 * np.pi * (400 + 60 * time) * time) * (np.sin(2 * np.pi * time) > 0)
    noise = np.random.default_rng(3).normal(0, 0.3, (channels, time.size))
    soundfile.write(path, (level * (tone + noise)).T, RATE, subtype="PCM_16")
    return path


def opened(page: Page, server: Server) -> Page:
    page.goto(server.url)
    button(page).wait_for(timeout=LONG)
    return page


def drawn_width(picture: Locator) -> int:
    """The pixels across of a picture's file, once the browser has it all: it comes after the page that shows it."""
    return int(picture.evaluate("image => image.decode().then(() => image.naturalWidth)"))


def button(page: Page, name: str = "Separate") -> Locator:
    return page.get_by_role("button", name=name, exact=True)


def question(page: Page) -> Locator:
    return page.get_by_label("What do you want to hear?")


def upload(page: Page, path: Path) -> None:
    page.locator("#lass-recording input[type=file]").set_input_files(path)
    expect(page.locator("#lass-recording")).to_contain_text(path.name, timeout=LONG)


def ask(page: Page, path: Path, words: str) -> None:
    upload(page, path)
    question(page).fill(words)
    button(page).click()


def await_results(page: Page) -> None:
    page.locator("#lass-results").wait_for(timeout=LONG)


def saved(page: Page, name: str) -> tuple[str, bytes]:
    """The file name and the content of what a download button gives."""
    with page.expect_download() as download:
        button(page, name).click()
    return download.value.suggested_filename, Path(download.value.path()).read_bytes()


def sound(page: Page, name: str) -> np.ndarray:
    return soundfile.read(io.BytesIO(saved(page, name)[1]), dtype="float32")[0]


@on_each_width
def test_a_recording_and_a_sentence_give_target_and_residual(
    page: Page, server: Server, tmp_path: Path, console_errors: list[str]
) -> None:
    path = scene(tmp_path / "rising tone.wav")
    opened(page, server)
    assert fits(page)
    ask(page, path, "a siren wailing")
    await_results(page)

    mixture = soundfile.read(path, dtype="float32")[0]
    target, residual = sound(page, "Download this sound"), sound(page, "Download everything else")
    assert target.shape == residual.shape == mixture.shape
    np.testing.assert_allclose(target + residual, mixture, atol=1e-4)
    assert np.std(target) > 1e-3
    assert np.std(residual) > 1e-3

    picture = page.get_by_role("img", name="Three spectrograms")
    expect(picture).to_be_visible()
    assert drawn_width(picture) > 500
    assert "siren" in (picture.get_attribute("alt") or "")
    expect(page.locator("#lass-details")).to_contain_text("4.0 s of stereo at 32 kHz")
    assert fits(page)
    assert console_errors == []


@on_each_width
def test_the_result_is_played_and_switched_and_the_remix_is_the_recording(
    page: Page, server: Server, tmp_path: Path
) -> None:
    path = scene(tmp_path / "tone.wav")
    opened(page, server)
    ask(page, path, "a siren wailing")
    await_results(page)
    player = page.locator("lass-player")
    expect(player.get_by_role("button", name="What you asked for")).to_have_attribute("aria-pressed", "true")
    player.get_by_role("button", name="Play", exact=True).click()
    page.wait_for_function("document.querySelector('lass-player').position > 0.3")
    page.keyboard.press("2")
    expect(player.get_by_role("button", name="As recorded")).to_have_attribute("aria-pressed", "true")
    name, content = saved(page, "Download as heard")
    assert name == "tone-a-siren-wailing-resunet-compact-mixture.wav"
    np.testing.assert_allclose(
        soundfile.read(io.BytesIO(content), dtype="float32")[0], soundfile.read(path, dtype="float32")[0], atol=1e-4
    )


def test_the_archive_and_the_report_say_how_it_was_made(page: Page, server: Server, tmp_path: Path) -> None:
    opened(page, server)
    ask(page, scene(tmp_path / "Tone.wav", 1), "a siren wailing")
    await_results(page)
    name, content = saved(page, "Download it all (zip)")
    assert name == "tone-a-siren-wailing-resunet-compact.zip"
    files = [Path(file).name for file in zipfile.ZipFile(io.BytesIO(content)).namelist()]
    assert sorted(file.rpartition("-")[2] for file in files) == [
        "report.json", "residual.wav", "spectrograms.png", "target.wav",
    ]  # fmt: skip
    name, content = saved(page, "How it was made (JSON)")
    assert name == "tone-a-siren-wailing-resunet-compact-report.json"
    assert json.loads(content)["query"] == "a siren wailing"


@on_each_width
def test_one_click_on_an_example_runs_it(page: Page, server: Server) -> None:
    opened(page, server)
    page.get_by_role("button", name="An owl among crickets").click()
    await_results(page)
    expect(question(page)).to_have_value("an owl hooting in the night")
    assert np.std(sound(page, "Download this sound")) > 1e-3


def test_enter_starts_what_was_just_typed_and_typing_clears_it_again(
    page: Page, server: Server, tmp_path: Path
) -> None:
    opened(page, server)
    upload(page, scene(tmp_path / "tone.wav", 1))
    question(page).press_sequentially("rain")
    question(page).press("Enter")
    await_results(page)
    expect(page.locator("lass-player")).to_contain_text("“rain”")
    question(page).press_sequentially("y")
    expect(page.locator("#lass-results")).to_be_hidden()


@on_each_width
def test_what_is_missing_is_said_next_to_it(page: Page, server: Server) -> None:
    opened(page, server)
    button(page).click()
    expect(page.locator("#lass-about-recording").get_by_role("alert")).to_contain_text("Add a recording")
    expect(page.locator("#lass-about-query").get_by_role("alert")).to_contain_text("Write what you want to hear")
    question(page).fill("rain")
    expect(page.locator("#lass-about-query")).to_be_hidden()


def test_a_broken_file_is_one_sentence_that_stays_and_nothing_is_lost(
    page: Page, server: Server, tmp_path: Path
) -> None:
    path = tmp_path / "broken.wav"
    path.write_bytes(b"RIFF of nothing " * 40)
    opened(page, server)
    ask(page, path, "rain")
    alert = page.locator("#lass-separate-alert").get_by_role("alert")
    expect(alert).to_contain_text("broken.wav", timeout=LONG)
    page.wait_for_timeout(1500)
    expect(alert).to_be_visible()
    expect(question(page)).to_have_value("rain")
    expect(page.locator("#lass-recording")).to_contain_text("broken.wav")
    expect(button(page)).to_be_visible()


def test_a_file_that_is_too_large_is_refused_in_words_before_it_is_sent(
    page: Page, server: Server, tmp_path: Path
) -> None:
    opened(page, server)
    limit = page.locator("#lass-too-large")
    assert int(limit.get_attribute("data-bytes") or 0) == 200_000_000
    limit.evaluate("notice => { notice.dataset.bytes = '1000' }")
    page.locator("#lass-recording input[type=file]").set_input_files(scene(tmp_path / "large.wav"))
    expect(limit).to_contain_text("larger than the 200 MB")
    expect(page.locator("#lass-recording")).not_to_contain_text("large.wav")


def test_sound_in_a_video_container_is_taken(page: Page, server: Server, tmp_path: Path) -> None:
    path = tmp_path / "telephone.mp4"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("aac", rate=RATE, layout="mono")
        noise = np.random.default_rng(1).normal(0, 0.1, (1, 2 * RATE)).astype(np.float32)
        for start in range(0, noise.shape[1] - 1024, 1024):
            block = np.ascontiguousarray(noise[:, start : start + 1024])
            frame = av.AudioFrame.from_ndarray(block, format="fltp", layout="mono")
            frame.sample_rate = RATE
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    opened(page, server)
    ask(page, path, "rain")
    await_results(page)
    assert np.std(sound(page, "Download this sound") + sound(page, "Download everything else")) > 0.05


def test_cancel_stops_and_keeps_what_was_given(page: Page, server: Server, tmp_path: Path) -> None:
    opened(page, server)
    ask(page, scene(tmp_path / "long.wav", 300, channels=1), "rain")
    expect(page.locator("#lass-separate-status")).to_contain_text("Listening: part", timeout=LONG)
    button(page, "Cancel").click()
    expect(page.locator("#lass-separate-status")).to_contain_text("Stopped", timeout=LONG)
    page.wait_for_timeout(2000)
    expect(page.locator("#lass-separate-status")).to_contain_text("Stopped")
    expect(page.locator("#lass-results")).to_be_hidden()
    expect(question(page)).to_have_value("rain")
    expect(page.locator("#lass-recording")).to_contain_text("long.wav")
    page.get_by_role("button", name="An owl among crickets").click()  # the place is free again
    await_results(page)


def test_two_visitors_at_once_get_their_own(open_page: OpenPage, server: Server, tmp_path: Path) -> None:
    levels = {"desktop": 0.2, "phone": 0.002}
    pages = {width: opened(open_page(width), server) for width in levels}
    paths = {width: scene(tmp_path / f"{width}.wav", 15, level=level) for width, level in levels.items()}
    for width, page in pages.items():
        upload(page, paths[width])
        question(page).fill(f"a siren on the {width}")
    for page in pages.values():
        button(page).click()
    for width, page in pages.items():
        await_results(page)
        expect(page.locator("lass-player")).to_contain_text(f"a siren on the {width}")
        mixture = soundfile.read(paths[width], dtype="float32")[0]
        whole = sound(page, "Download this sound") + sound(page, "Download everything else")
        np.testing.assert_allclose(whole, mixture, atol=1e-4)
        assert np.std(whole) == pytest.approx(np.std(mixture), rel=1e-2)


def test_whoever_waits_is_told_how_many_come_first(open_page: OpenPage, server: Server, tmp_path: Path) -> None:
    first, second = (opened(open_page(width), server) for width in ("desktop", "phone"))
    ask(first, scene(tmp_path / "long.wav", 600, channels=1), "rain")
    expect(first.locator("#lass-separate-status")).to_contain_text("Listening: part", timeout=LONG)
    second.get_by_role("button", name="An owl among crickets").click()
    expect(second.locator("#lass-separate-status")).to_contain_text("1 before you", timeout=LONG)
    button(first, "Cancel").click()
    await_results(second)
    expect(second.locator("#lass-separate-status")).not_to_contain_text("before you")


def test_a_model_that_is_not_here_says_its_size_and_how_it_comes(page: Page, server: Server) -> None:
    opened(page, server)
    line = page.locator("#lass-about-model")
    expect(line).to_contain_text("comes with the application")
    page.get_by_label("Model", exact=True).click()
    page.get_by_role("option", name="AudioSep · to download").click()
    expect(line).to_contain_text("1.26 GB to download")
    expect(line).to_contain_text("downloads are switched off; get audiosep_base_4M_steps.ckpt from https://")
    expect(line).to_contain_text(f"place it as {server.data}")
    expect(page.locator("#lass-get-model")).to_be_hidden()


def test_the_microphone_gives_a_recording(page: Page, server: Server) -> None:
    opened(page, server)
    page.get_by_role("button", name="Record audio").click()
    page.locator("#lass-recording").get_by_role("button", name="Record", exact=True).click()
    page.wait_for_timeout(2500)
    page.locator("#lass-recording").get_by_role("button", name="Stop", exact=True).click()
    expect(page.locator("#lass-recording")).to_contain_text("Your recording:", timeout=LONG)
    question(page).fill("beeps")
    button(page).click()
    await_results(page)
    assert np.std(sound(page, "Download this sound") + sound(page, "Download everything else")) > 1e-4


@on_each_width
def test_the_way_from_the_question_to_the_result_needs_no_mouse(page: Page, server: Server) -> None:
    opened(page, server)
    example = page.get_by_role("button", name="Birds over footsteps")
    example.focus()
    page.keyboard.press("Enter")
    await_results(page)
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement !== document.body")


def test_every_control_has_a_name(page: Page, server: Server) -> None:
    opened(page, server)
    for role in ("button", "textbox", "combobox"):
        for control in page.get_by_role(role).all():  # type: ignore[arg-type]
            named = control.evaluate(
                "e => (e.getAttribute('aria-label') || e.textContent || (e.labels && e.labels[0] || {}).textContent"
                " || e.title || '').trim()"
            )
            assert named, control.evaluate("e => e.outerHTML.slice(0, 200)")
