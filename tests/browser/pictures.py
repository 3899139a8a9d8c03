"""Pictures of the running application: `python -m tests.browser.pictures FOLDER`.

Every page at both widths, light and dark, empty and with a result; the listening test and the organiser's door; the
pages in French, and the application at a stand. FOLDER/desktop-light-separate-result.png is the README's picture.
"""

import shutil
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from playwright.sync_api import Browser, Page, sync_playwright

from tests.browser.conftest import ARGUMENTS, CHROMIUM
from tests.browser.server import serving
from tests.browser.test_more import drag
from tests.browser.widths import WIDTHS
from tests.listening.participants import lasting_study

SCHEMES: tuple[Literal["light", "dark"], ...] = ("light", "dark")
PATIENCE = 120_000  # milliseconds


@dataclass(frozen=True)
class Shot:
    """One picture: its name, the page's path, and what is done there first."""

    name: str
    path: str
    act: Callable[[Page], None] = lambda page: None


def separated(page: Page) -> None:
    """With the result of the first example."""
    page.locator("#lass-example-1").click()
    page.locator(".lp:not(.lp-loading) .lp-picture").wait_for(timeout=PATIENCE)
    page.wait_for_timeout(2500)  # the way to the results is scrolled gently


def parted(page: Page) -> None:
    """With the recording's waveform, and a part marked on it."""
    separated(page)
    page.locator("#lass-more button").first.click()
    axes = page.locator("#lass-wave .lp:not(.lp-loading) .lp-axes")
    axes.wait_for(timeout=PATIENCE)
    drag(page, "#lass-wave", 0.3, 0.6)
    page.wait_for_timeout(1500)


def measured(page: Page) -> None:
    """With a mixture that was separated."""
    page.locator("#lass-measure-start").click()
    page.locator(".lp:not(.lp-loading) .lp-picture").wait_for(timeout=PATIENCE)
    page.wait_for_timeout(2500)


def asked(page: Page) -> None:
    """With a complaint, because nothing was given."""
    page.locator("#lass-separate-start").click()
    page.get_by_role("alert").first.wait_for(timeout=PATIENCE)


def searched(page: Page) -> None:
    """With the sounds nearest to some words."""
    page.locator("#lass-known-query input, #lass-known-query textarea").fill("a puppy in the yard")
    page.locator("#lass-search").click()
    page.locator(".lass-nearest").wait_for(timeout=PATIENCE)


def invited(page: Page) -> None:
    """With the code for phones, which comes when the page is there."""
    page.locator(".lass-invitation h2").wait_for(timeout=PATIENCE)


def to_trial(page: Page) -> None:
    """With the first trial of a study."""
    page.get_by_role("button", name="Let’s begin").click()
    page.get_by_role("button", name="Play the sound").click()
    done = page.get_by_role("button", name="I hear it well").and_(page.locator(":not([aria-disabled])"))
    done.click(timeout=PATIENCE)
    page.locator(".player").first.wait_for(timeout=PATIENCE)


PAGES = (
    Shot("separate", ""),
    Shot("separate-result", "", separated),
    Shot("separate-part", "", parted),
    Shot("separate-alert", "", asked),
    Shot("compare", "compare"),
    Shot("measure", "measure"),
    Shot("measure-result", "measure", measured),
    Shot("batch", "batch"),
    Shot("models", "models-and-method", searched),
    Shot("fr-separate", "fr"),
    Shot("fr-compare", "fr-compare"),
    Shot("fr-measure", "fr-measure"),
    Shot("fr-batch", "fr-batch"),
    Shot("fr-models", "fr-models-and-method"),
    Shot("listen", "listen/"),
    Shot("listen-welcome", "listen/demo"),
    Shot("listen-trial", "listen/demo", to_trial),
    Shot("results-login", "results/"),
)
STAND = (Shot("stand", "", invited), Shot("stand-result", "", separated), Shot("stand-fr", "fr", invited))


def photograph(browser: Browser, url: str, folder: Path, shots: tuple[Shot, ...]) -> None:
    """Every shot, at both widths, light and dark."""
    for width, (columns, rows) in WIDTHS.items():
        for scheme in SCHEMES:
            context = browser.new_context(
                viewport={"width": columns, "height": rows}, color_scheme=scheme, reduced_motion="reduce",
                has_touch=width == "phone", locale="en-GB",
            )  # fmt: skip
            for shot in shots:
                page = context.new_page()
                page.goto(url + shot.path)
                page.locator(".lass-footer, main").last.wait_for(timeout=PATIENCE)
                page.wait_for_timeout(1200)  # fonts and example buttons settle
                shot.act(page)
                page.screenshot(path=folder / f"{width}-{scheme}-{shot.name}.png", full_page=True)
                page.close()
            context.close()


def main(folder: Path, only: str = "") -> None:
    """Start the application, photograph it, stop it; the same at a stand. ``only`` chooses shots by their names."""
    executable = next(path for path in map(shutil.which, CHROMIUM) if path)
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as scratch, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=executable, args=ARGUMENTS)
        studies = Path(scratch) / "studies"
        studies.mkdir()
        lasting_study(studies, 2.0, items=2, conditions=["a"], practice=0)
        common = {"HF_HUB_OFFLINE": "1", "LASS_STUDIES_DIR": str(studies), "LASS_ADMIN_PASSWORD": "a password to show"}
        for name, settings, shots in (("plain", {}, PAGES), ("stand", {"LASS_STAND": "1"}, STAND)):
            wanted = tuple(shot for shot in shots if only in shot.name)
            if wanted:
                with serving(Path(scratch) / name, **common, **settings) as server:
                    photograph(browser, server.url, folder, wanted)
        browser.close()


if __name__ == "__main__":
    main(Path(sys.argv[1]), *sys.argv[2:3])
