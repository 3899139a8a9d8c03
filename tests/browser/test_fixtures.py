"""The browser fixtures themselves: that they see what they are there to see."""

import http.server
import threading
from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Page

from tests.browser.server import Server
from tests.browser.widths import WIDTHS, on_each_width

CURIOUS = """<!doctype html><title>curious</title>
<img src="http://example.org/picture.png"><script>console.error("a complaint"); null.x;</script>"""


class Curious(http.server.BaseHTTPRequestHandler):
    """Serves a quiet page, and one that asks for a picture elsewhere and throws."""

    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.end_headers()
        self.wfile.write(b"quiet" if self.path == "/quiet" else CURIOUS.encode())

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def curious_site() -> Iterator[str]:
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Curious) as site:
        thread = threading.Thread(target=site.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{site.server_port}/"
        site.shutdown()
        thread.join()


def test_a_request_beyond_this_machine_is_seen(
    page: Page, curious_site: str, outside_requests: list[str], console_errors: list[str]
) -> None:
    page.goto(curious_site)
    assert outside_requests == ["http://example.org/picture.png"]
    assert "a complaint" in console_errors
    assert any("null" in error for error in console_errors)
    outside_requests.clear()


@on_each_width
def test_a_page_has_the_width_of_its_screen(page: Page, width: str) -> None:
    page.set_content('<meta name="viewport" content="width=device-width">')
    assert page.evaluate("[innerWidth, innerHeight]") == list(WIDTHS[width])


def test_two_visitors_share_nothing(open_page: Callable[[str], Page], curious_site: str) -> None:
    first, second = open_page("desktop"), open_page("phone")
    for visitor in (first, second):
        visitor.goto(curious_site + "quiet")
    first.evaluate("localStorage.setItem('name', 'first')")
    assert second.evaluate("localStorage.getItem('name')") is None


def test_the_application_answers(page: Page, server: Server, console_errors: list[str]) -> None:
    page.goto(server.url)
    page.get_by_role("heading").first.wait_for()
    assert console_errors == []
