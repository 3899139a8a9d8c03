"""A browser, the running application, and pages that fail their test when they reach beyond this machine.

    def test_it_opens(page: Page, server: Server) -> None:
        page.goto(server.url)

`on_each_width` from tests.browser.widths runs a test on a desktop and on a phone; `open_page` opens one more
visitor, with cookies and storage of their own; `console_errors` is what the pages complained about.
"""

import os
import shutil
from collections.abc import Callable, Iterator
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

from tests.browser.server import Server, serving
from tests.browser.widths import WIDTHS
from tests.network import is_local

CHROMIUM = ("chromium", "chromium-browser", "google-chrome")
ARGUMENTS = [
    "--no-sandbox",  # it will not start as root with one
    "--disable-gpu",
    "--disable-quic",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
    # Names other than this machine's resolve to nothing, so that not even a stray request leaves it.
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE localhost, EXCLUDE 127.0.0.1",
    "--autoplay-policy=no-user-gesture-required",
    "--use-fake-ui-for-media-stream",  # a microphone that is always there and always allowed
    "--use-fake-device-for-media-stream",
]

OpenPage = Callable[[str], Page]


@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    """The system's Chromium. It ends with this package: its event loop would be in the way of other tests."""
    executable = next((path for path in map(shutil.which, CHROMIUM) if path), None)
    if executable is None:
        reason = f"none of {', '.join(CHROMIUM)} is installed"
        if os.environ.get("CI"):
            pytest.fail(f"The browser tests cannot run: {reason}.")
        pytest.skip(reason)
    with sync_playwright() as playwright:
        instance = playwright.chromium.launch(executable_path=executable, args=ARGUMENTS)
        yield instance
        instance.close()


@pytest.fixture(scope="package")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """One running application for all browser tests."""
    with serving(tmp_path_factory.mktemp("server")) as running:
        yield running


@pytest.fixture
def width() -> str:
    """The screen a page is shown on: a key of WIDTHS. `on_each_width` gives both in turn."""
    return "desktop"


@pytest.fixture
def console_errors() -> list[str]:
    """Errors that the pages of this test wrote to their console or threw, oldest first."""
    return []


@pytest.fixture
def outside_requests() -> Iterator[list[str]]:
    """Addresses beyond this machine that the pages of this test asked for; any fails the test."""
    addresses: list[str] = []
    yield addresses
    if addresses:
        pytest.fail("a page asked for something beyond this machine: " + ", ".join(addresses))


@pytest.fixture
def open_page(browser: Browser, console_errors: list[str], outside_requests: list[str]) -> Iterator[OpenPage]:
    """Opens an empty page for one more visitor, on the screen named."""
    contexts: list[BrowserContext] = []

    def open_one(width: str = "desktop") -> Page:
        across, down = WIDTHS[width]
        phone = width == "phone"
        context = browser.new_context(
            viewport={"width": across, "height": down}, is_mobile=phone, has_touch=phone
        )
        contexts.append(context)
        context.on("request", lambda request: _note_outside(request.url, outside_requests))
        page = context.new_page()
        page.on("websocket", lambda socket: _note_outside(socket.url, outside_requests))
        page.on("console", lambda line: console_errors.append(line.text) if line.type == "error" else None)
        page.on("pageerror", lambda error: console_errors.append(str(error)))
        return page

    yield open_one
    for context in contexts:
        context.close()


@pytest.fixture
def page(open_page: OpenPage, width: str) -> Page:
    """An empty page for one visitor on the screen that `width` names."""
    return open_page(width)


@pytest.fixture(autouse=True)
def application_stays_home(request: pytest.FixtureRequest) -> Iterator[None]:
    """Fails a test during which the application itself tried to reach another machine."""
    running: Server | None = request.getfixturevalue("server") if "server" in request.fixturenames else None
    yield
    if running is not None and (attempts := running.attempts()):
        running.journal.unlink()
        pytest.fail("the application tried to reach the network: " + "; ".join(attempts))


def _note_outside(url: str, addresses: list[str]) -> None:
    parts = urlsplit(url)
    if parts.scheme in ("http", "https", "ws", "wss") and not is_local(parts.hostname):
        addresses.append(url)
