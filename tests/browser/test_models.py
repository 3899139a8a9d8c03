"""The model picker in a real browser: a model that is not here is fetched from a stand-in, and separates."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from lass.checkpoints import ModelEntry, Store, catalogue
from lass.ui import application
from lass.ui.words.texts import ENGLISH
from lass.ui.work import shelf
from lass.ui.work.downloads import Downloads
from lass.ui.work.service import Limits, Service
from tests.browser.test_separate import LONG, OpenPage, ask, await_results, button, scene
from tests.browser.widths import fits, on_each_width
from tests.checkpoints.server import Server, serving
from tests.checkpoints.small import at_its_place, tokenizer_files

SIZE = "2.39 MB"
UNDER_WAY = re.compile(r"Downloading: [\d.]+ [kM]B of [\d.]+ MB")


@pytest.fixture
def hub(entry: ModelEntry, content: bytes, tmp_path: Path) -> Iterator[Server]:
    """Serves half of the checkpoint, then nothing until it is released, and the rest on the next request."""
    with serving(at_its_place(entry.files[0], content) | tokenizer_files(tmp_path / "tokens")) as running:
        running.behaviour.cut_after, running.behaviour.cuts, running.behaviour.stall = len(content) // 2, 1, True
        yield running


@pytest.fixture
def store(hub: Server, tmp_path: Path) -> Store:
    return Store(tmp_path / "cache", offline=False, endpoints=hub.endpoints, retry_seconds=0.0)


@pytest.fixture
def address(store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The application, with its catalogue's files on the stand-in."""
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(tmp_path / "gradio"))
    downloads = Downloads(store, lambda name: catalogue.parts(name, store.cache_dir), allowed=True)
    models = shelf.catalogue(ENGLISH, device="cpu", cache_dir=store.cache_dir, downloads=downloads)
    limits = Limits(max_seconds=60, max_bytes=20_000_000, keep_minutes=60)
    blocks = application.serve(Service(models, limits, tmp_path / "gradio", ENGLISH), prevent_thread_lock=True)
    yield blocks.local_url
    blocks.close()


def choose(page: Page, title: str) -> None:
    page.get_by_label("Model", exact=True).click()
    page.get_by_role("option", name=title).first.click()


def opened(page: Page, address: str) -> Page:
    page.goto(address)
    button(page).wait_for(timeout=LONG)
    return page


@on_each_width
def test_a_model_is_downloaded_with_progress_and_separates(
    page: Page, open_page: OpenPage, address: str, hub: Server, tmp_path: Path, console_errors: list[str]
) -> None:
    opened(page, address)
    choose(page, "Stand-in")
    about, download = page.locator("#lass-about-model"), page.locator("#lass-download")
    expect(about).to_contain_text(f"{SIZE} to download")
    expect(about).to_contain_text("RoBERTa tokenizer (about 2.71 MB)")
    expect(about).to_contain_text("licence: MIT")
    button(page, f"Download ({SIZE})").click()
    expect(download).to_contain_text(UNDER_WAY, timeout=LONG)
    assert 0 < download.locator("progress").evaluate("bar => bar.value / bar.max") < 0.25
    assert fits(page)

    other = opened(open_page("desktop"), address)  # nobody waits for it, and who chooses it too sees it
    choose(other, "Stand-in")
    expect(other.locator("#lass-download")).to_contain_text(UNDER_WAY)
    choose(other, "ResUNet, compact")
    expect(other.locator("#lass-download")).to_be_hidden()
    ask(other, scene(tmp_path / "tone.wav", 1), "a siren wailing")
    await_results(other)

    hub.behaviour.release.set()
    expect(download).to_contain_text("ready to use", timeout=LONG)
    expect(about).to_contain_text("on this machine")
    expect(button(page, "Cancel the download")).to_be_hidden()
    ask(page, scene(tmp_path / "tone.wav", 1), "a siren wailing")
    await_results(page)
    expect(page.locator("#lass-details")).to_contain_text("Stand-in")
    assert console_errors == []


def test_a_download_can_be_cancelled_and_gone_on_with(page: Page, address: str, hub: Server, store: Store) -> None:
    opened(page, address)
    choose(page, "Stand-in")
    button(page, f"Download ({SIZE})").click()
    expect(page.locator("#lass-download")).to_contain_text(UNDER_WAY, timeout=LONG)
    button(page, "Cancel the download").click()
    expect(page.locator("#lass-download")).to_contain_text("Stopping")
    hub.behaviour.release.set()
    expect(page.locator("#lass-download")).to_contain_text("was stopped", timeout=LONG)
    rest = button(page, "Download the rest (1.2 MB)")
    expect(rest).to_be_visible()
    rest.click()
    expect(page.locator("#lass-download")).to_contain_text("ready to use", timeout=LONG)


def test_a_download_that_fails_says_how_to_place_the_file_which_is_then_noticed(
    page: Page, address: str, hub: Server, store: Store, entry: ModelEntry, content: bytes
) -> None:
    hub.behaviour.status = 404
    opened(page, address)
    choose(page, "Stand-in")
    button(page, f"Download ({SIZE})").click()
    alert = page.locator("#lass-download").get_by_role("alert")
    path = store.folder(entry) / "tiny.ckpt"
    expect(alert).to_contain_text(f"place it as {path}", timeout=LONG)
    assert fits(page)
    path.write_bytes(content)
    choose(page, "Stand-in")
    expect(page.locator("#lass-about-model")).to_contain_text("on this machine")
    expect(page.locator("#lass-about-model")).to_contain_text("still needs: RoBERTa tokenizer")
    expect(button(page, "Download (about 2.71 MB)")).to_be_visible()


def test_offline_the_file_and_its_place_are_told(page: Page, address: str, store: Store) -> None:
    store.offline = True
    opened(page, address)
    choose(page, "AudioSep · to download")
    about = page.locator("#lass-about-model")
    expect(about).to_contain_text("downloads are switched off; get audiosep_base_4M_steps.ckpt from https://")
    expect(page.locator("#lass-get-model")).to_be_hidden()
