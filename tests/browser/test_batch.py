"""The page Batch in a real browser: recordings and archives in, one archive out."""

import csv
import io
import zipfile
from pathlib import Path

import numpy as np
import soundfile
from playwright.sync_api import Page, expect

from tests.browser.accessible import assert_accessible
from tests.browser.archives import sounds
from tests.browser.server import Server
from tests.browser.test_separate import LONG, button, saved, scene
from tests.browser.widths import fits, on_each_width


def opened(page: Page, server: Server) -> Page:
    page.goto(f"{server.url}batch")
    button(page, "Separate them all").wait_for(timeout=LONG)
    return page


def give(page: Page, *files: Path) -> None:
    page.locator("#lass-files input[type=file]").set_input_files(files)
    for file in files:
        # Among the files, that is, and not only in the line that says it is being sent.
        expect(page.locator("#lass-files .file-preview")).to_contain_text(file.stem, timeout=LONG)


@on_each_width
def test_a_zip_and_a_recording_with_two_descriptions(
    page: Page, server: Server, tmp_path: Path, console_errors: list[str]
) -> None:
    single = scene(tmp_path / "single.wav", 1)
    packed = tmp_path / "many.zip"
    with zipfile.ZipFile(packed, "w") as archive:
        archive.write(scene(tmp_path / "packed.wav", 1, level=0.05), "day 1/packed.wav")
        archive.writestr("../../evil.wav", b"x")
        archive.writestr("notes.txt", b"hello")
    opened(page, server)
    give(page, single, packed)
    page.get_by_label("One description a line").fill("a siren wailing\nrain falling\n")
    button(page, "Separate them all").click()
    download = button(page, "Download the results (zip)")
    download.wait_for(timeout=LONG)
    rows = page.locator("#lass-rows tbody tr")
    assert rows.count() == 8
    expect(page.locator("#lass-rows")).to_contain_text("4 of 8 separated")
    expect(rows.filter(has_text="evil.wav").first).to_contain_text("outside the archive")
    expect(rows.filter(has_text="notes.txt").first).to_contain_text("no recording")
    assert fits(page)
    assert_accessible(page)

    name, content = saved(page, "Download the results (zip)")
    assert name == "separated.zip"
    files = sounds(content)
    assert len(files) == 8
    for beginning, path in (("single", single), ("packed", tmp_path / "packed.wav")):
        mixture = soundfile.read(path, dtype="float32")[0]
        for query in ("a-siren-wailing", "rain-falling"):
            both = [files[f"{beginning}-{query}-resunet-compact-{part}"] for part in ("target", "residual")]
            np.testing.assert_allclose(both[0] + both[1], mixture, atol=1e-4)
    table = saved(page, "Download the table (CSV)")[1].decode("utf-8-sig")
    assert "problem" in table.splitlines()[0]
    assert len(list(csv.reader(io.StringIO(table)))) == 1 + 8
    assert console_errors == []


def test_what_is_missing_is_said_in_a_sentence(page: Page, server: Server, tmp_path: Path) -> None:
    opened(page, server)
    button(page, "Separate them all").click()
    expect(page.get_by_role("alert").filter(has_text="Add recordings first")).to_be_visible(timeout=LONG)
    give(page, scene(tmp_path / "single.wav", 1))
    button(page, "Separate them all").click()
    expect(page.get_by_role("alert").filter(has_text="Write what you want to hear")).to_be_visible(timeout=LONG)


def test_cancelling_leaves_no_archive(page: Page, server: Server, tmp_path: Path) -> None:
    opened(page, server)
    give(page, *(scene(tmp_path / f"{number}.wav", 10) for number in range(6)))
    page.get_by_label("One description a line").fill("a siren wailing\nrain\nbirds")
    button(page, "Separate them all").click()
    button(page, "Cancel").click(timeout=LONG)
    expect(page.locator("#lass-batch-status")).to_contain_text("Stopped", timeout=LONG)
    expect(button(page, "Download the results (zip)")).to_be_hidden()
