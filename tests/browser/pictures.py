"""Pictures of the running application: `python -m tests.browser.pictures FOLDER`.

Every state of the page, at both widths, light and dark. The README's picture is one of them.
"""

import shutil
import sys
import tempfile
from pathlib import Path
from typing import Literal

from playwright.sync_api import Browser, sync_playwright

from tests.browser.conftest import ARGUMENTS, CHROMIUM
from tests.browser.server import serving
from tests.browser.widths import WIDTHS

SCHEMES: tuple[Literal["light", "dark"], ...] = ("light", "dark")


def photograph(browser: Browser, url: str, folder: Path) -> None:
    """The page as it opens, and with the result of the first example."""
    for width, (columns, rows) in WIDTHS.items():
        for scheme in SCHEMES:
            page = browser.new_page(viewport={"width": columns, "height": rows}, color_scheme=scheme)
            page.goto(url)
            page.locator("#lass-separate").wait_for()
            page.wait_for_timeout(1000)  # fonts and the example buttons settle
            page.screenshot(path=folder / f"{width}-{scheme}-open.png", full_page=True)
            page.locator("#lass-example-1").click()
            page.locator(".lp:not(.lp-loading) .lp-picture").wait_for(timeout=60_000)
            page.wait_for_timeout(2500)  # the way to the results is scrolled gently
            page.screenshot(path=folder / f"{width}-{scheme}-result.png", full_page=True)
            page.close()


def main(folder: Path) -> None:
    """Start the application, photograph it, stop it."""
    executable = next(path for path in map(shutil.which, CHROMIUM) if path)
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as scratch, serving(Path(scratch)) as server, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=executable, args=ARGUMENTS)
        photograph(browser, server.url, folder)
        browser.close()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
