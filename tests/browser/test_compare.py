"""The page Compare in a real browser: three models that let a known share of everything through, heard blind."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
import torch
from playwright.sync_api import Page, expect
from starlette.middleware import Middleware

from lass.checkpoints.loading import Loaded
from lass.models.resunet import ResUNetConfig
from lass.queries import CompactEncoder
from lass.separation import Separator
from lass.ui import application
from lass.ui.serving.waiting import Waiting
from lass.ui.site import Extras
from lass.ui.words.texts import ENGLISH
from lass.ui.work.service import Limits, Service
from lass.ui.work.shelf import Shelf
from tests.browser.accessible import assert_accessible
from tests.browser.archives import sounds
from tests.browser.test_separate import LONG, button, question, saved, scene
from tests.browser.widths import fits, on_each_width
from tests.ui.small import RATE, Half, entry

SHARES = {"quarter": 0.25, "half": 0.5, "whole": 1.0}


@pytest.fixture(scope="module")
def votes() -> list[tuple[str, dict[str, Any]]]:
    """What visitors preferred, as the application keeps it."""
    return []


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory, votes: list[tuple[str, dict[str, Any]]]) -> Iterator[str]:
    def load(name: str) -> Separator:
        network = Half()
        network.share.data = torch.tensor(SHARES[name])
        config = ResUNetConfig(sample_rate=RATE, window=512, hop=160)
        return Separator(Loaded(name=name, model=network, config=config, encoder=CompactEncoder()))

    folder = tmp_path_factory.mktemp("compare")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GRADIO_TEMP_DIR", str(folder / "gradio"))
        shelf = Shelf(lambda: [entry(name) for name in SHARES], load, ENGLISH)
        service = Service(shelf, Limits(60, 20_000_000, 60), folder / "gradio", ENGLISH)
        blocks = application.compose(service, Extras(prefer=lambda kind, values: votes.append((kind, values))))
        _, url, _ = blocks.launch(
            prevent_thread_lock=True, server_name="127.0.0.1", quiet=True, ssr_mode=False, show_error=False,
            theme=application.theme(), css_paths=[application.STYLE, application.PAGES],
            js=application.scripts(), footer_links=["api"],
            # On a busy machine the page waits, and asks for its place in the line.
            app_kwargs={"middleware": [Middleware(Waiting(service.bench.line).pages.around)]},
        )  # fmt: skip
        yield url
        blocks.close()


def give(page: Page, path: Path, place: str = "#lass-recording") -> None:
    """A recording. Its name is shown only while it is sent, too briefly to wait for; that it can be played stays."""
    recording = page.locator(place)
    recording.locator("input[type=file]").set_input_files(path)
    recording.get_by_role("button", name="Play", exact=True).wait_for(timeout=LONG)


def compared(page: Page, address: str, path: Path) -> None:
    page.goto(f"{address}compare")
    button(page, "Compare").wait_for(timeout=LONG)
    give(page, path)
    question(page).fill("a siren wailing")
    button(page, "Compare").click()
    page.locator("#lass-vote").wait_for(timeout=LONG)


@on_each_width
def test_answers_are_judged_blind_and_named_after_the_vote(
    page: Page, address: str, tmp_path: Path, votes: list[tuple[str, dict[str, Any]]], console_errors: list[str]
) -> None:
    path = scene(tmp_path / "street.wav", 2)
    votes.clear()
    compared(page, address, path)
    results = page.locator("#lass-results")
    for letter in "ABC":
        expect(results).to_contain_text(f"Answer {letter}")
    for title in SHARES:
        expect(results).not_to_contain_text(title.capitalize())
        assert title not in results.evaluate("part => part.innerHTML")
    expect(button(page, "Answer D")).to_be_hidden()
    expect(button(page, "Download it all (zip)")).to_be_hidden()
    assert fits(page)
    assert_accessible(page)

    page.locator("#lass-vote-b").click()
    names = page.locator("#lass-names")
    expect(names).to_contain_text("You chose answer B", timeout=LONG)
    for title in SHARES:
        expect(names).to_contain_text(title.capitalize())
    expect(page.locator("#lass-vote")).to_be_hidden()
    ((kind, values),) = votes
    assert kind == "compare"
    assert values["chosen"] == values["models"]["B"]

    name, content = saved(page, "Download it all (zip)")
    assert name == "compared-a-siren-wailing-models.zip"
    mixture = soundfile.read(path, dtype="float32")[0]
    levels = {}
    files = sounds(content)
    for model in SHARES:
        target, residual = (files[f"compared-a-siren-wailing-{model}-{part}"] for part in ("target", "residual"))
        np.testing.assert_allclose(target + residual, mixture, atol=1e-4)
        levels[model] = float(np.std(target))
    # What lies above the models' 8 kHz is in no target; of the rest each lets its share through.
    assert 0.5 < levels["whole"] / np.std(mixture) <= 1
    assert [levels[model] / levels["whole"] for model in SHARES] == pytest.approx(list(SHARES.values()), rel=0.02)
    assert console_errors == []


def test_with_the_clean_sound_the_answers_are_measured(page: Page, address: str, tmp_path: Path) -> None:
    path = scene(tmp_path / "street.wav", 2)
    samples, rate = soundfile.read(path)
    soundfile.write(tmp_path / "clean.wav", samples / 2, rate, subtype="FLOAT")
    page.goto(f"{address}compare")
    page.get_by_role("button", name="The clean sound").click(timeout=LONG)
    give(page, tmp_path / "clean.wav", "#lass-truth")
    give(page, path)
    question(page).fill("a siren wailing")
    button(page, "Compare").click()
    page.locator("#lass-vote").wait_for(timeout=LONG)
    expect(page.locator("#lass-player")).to_contain_text("The clean sound")
    button(page, "No difference").click()
    names = page.locator("#lass-names")
    expect(names).to_contain_text("SI-SDR", timeout=LONG)
    assert names.locator("tbody tr").count() == 3
    row = names.locator("tbody tr").filter(has_text="Quarter")
    assert 2 < float(row.locator("td").nth(2).inner_text().removesuffix(" dB")) < 8


def test_what_is_missing_is_said_in_a_sentence(page: Page, address: str, tmp_path: Path) -> None:
    page.goto(f"{address}compare")
    button(page, "Compare").click(timeout=LONG)
    expect(page.get_by_role("alert").filter(has_text="Add a recording first")).to_be_visible(timeout=LONG)
    give(page, scene(tmp_path / "street.wav", 1))
    question(page).fill("rain")
    for title in ("Quarter", "Half"):
        page.get_by_label(title).uncheck()
    button(page, "Compare").click()
    expect(page.get_by_role("alert").filter(has_text="at least two models")).to_be_visible(timeout=LONG)
