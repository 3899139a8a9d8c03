"""The application at a stand: large, starts over by itself, nothing to take away, a code for phones."""

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, expect

from tests.browser.accessible import assert_accessible
from tests.browser.server import Server, serving
from tests.browser.widths import fits, on_each_width

LONG = 120_000
IDLE = 120  # seconds; the browser's clock is put forward


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A stand, as it stands there; in the place of the other application, so that it has to stay at home as well."""
    settings = {"LASS_STAND": "1", "LASS_STAND_IDLE_SECONDS": str(IDLE), "HF_HUB_OFFLINE": "1"}
    with serving(tmp_path_factory.mktemp("stand"), **settings) as running:
        yield running


def opened(page: Page, server: Server, path: str = "") -> Page:
    page.goto(server.url + path)
    page.locator("#lass-stand").wait_for(state="attached", timeout=LONG)
    page.locator(".lass-footer").wait_for(timeout=LONG)
    return page


@on_each_width
def test_examples_come_first_and_everything_is_large(page: Page, server: Server) -> None:
    opened(page, server)
    example = page.locator("#lass-example-1").bounding_box()
    recording = page.locator("#lass-recording").bounding_box()
    assert example is not None
    assert recording is not None
    assert example["y"] < recording["y"]
    assert example["height"] >= 100
    assert page.evaluate("parseFloat(getComputedStyle(document.documentElement).fontSize)") >= 18
    assert fits(page)
    assert_accessible(page)


def test_the_code_leads_to_the_listening_test(page: Page, server: Server) -> None:
    opened(page, server)
    invitation = page.locator(".lass-invitation").last
    expect(invitation).to_contain_text(f"{server.url}listen/")
    cells = invitation.locator("svg path")
    expect(cells).to_have_count(2)  # light and dark
    # This machine's own address is none that a phone reaches, and the page says so.
    expect(invitation).to_contain_text("LASS_PUBLIC_URL")
    assert page.request.get(f"{server.url}listen/").ok


def test_the_page_starts_over_when_nobody_is_there(page: Page, server: Server) -> None:
    page.clock.install()
    opened(page, server, "compare")
    page.evaluate("window.same = true")
    page.clock.fast_forward(2 * IDLE * 1000)  # before anybody touches it, it waits
    expect(page.locator(".lass-countdown")).to_have_count(0)
    page.get_by_label("What do you want to hear?").fill("a secret")
    page.clock.fast_forward((IDLE - 12) * 1000)
    expect(page.locator(".lass-countdown")).to_have_text(re.compile(r"starts over in \d+ s"))
    assert page.evaluate("window.same")
    page.clock.fast_forward(IDLE * 1000)
    page.wait_for_url(server.url, timeout=LONG)
    expect(page.get_by_label("What do you want to hear?")).to_have_value("", timeout=LONG)


def test_whoever_is_there_stays(page: Page, server: Server) -> None:
    page.clock.install()
    opened(page, server, "fr")
    page.get_by_label(re.compile("Que voulez-vous entendre")).fill("a dog")
    page.evaluate("window.same = true")
    page.clock.fast_forward((IDLE - 12) * 1000)
    page.get_by_role("button", name="Rester ici").click()
    expect(page.locator(".lass-countdown")).to_be_hidden()
    page.clock.fast_forward((IDLE - 30) * 1000)
    expect(page.locator(".lass-countdown")).to_be_hidden()
    assert page.evaluate("window.same")


def test_playing_is_using_it(page: Page, server: Server) -> None:
    page.clock.install()
    opened(page, server)
    page.locator("#lass-example-1").click()
    page.locator(".lp:not(.lp-loading) .lp-picture").wait_for(timeout=LONG)
    page.evaluate("window.same = true")
    page.locator(".lp-loop").click()
    page.locator(".lp-play").click()
    page.wait_for_function("document.querySelector('lass-player').playing")
    page.clock.fast_forward(2 * IDLE * 1000)
    expect(page.locator(".lass-countdown")).to_have_count(0)
    assert page.evaluate("window.same")
    # Nothing of a visitor is left on this machine's disk by a click.
    for name in ("#lass-get-target", "#lass-get-all", ".lp-save", "#lass-get-model", "#lass-draft"):
        expect(page.locator(name)).to_be_hidden()
    page.locator(".lp-play").click()
    page.wait_for_function("!document.querySelector('lass-player').playing")
    page.clock.fast_forward((IDLE - 12) * 1000)
    expect(page.locator(".lass-countdown")).to_be_visible()
    page.clock.fast_forward(IDLE * 1000)
    page.wait_for_function("window.same !== true", timeout=LONG)
    expect(page.locator("#lass-results")).to_be_hidden(timeout=LONG)


def test_no_link_leads_away(page: Page, server: Server) -> None:
    opened(page, server, "models-and-method")
    outside = page.locator("a[target=_blank]")
    assert outside.count() > 0
    assert {outside.nth(number).evaluate("link => getComputedStyle(link).pointerEvents")
            for number in range(outside.count())} == {"none"}  # fmt: skip
    expect(page.locator(".lass-nav a[href^='listen']")).to_have_count(0)


def test_a_stand_keeps_files_for_minutes(page: Page, server: Server) -> None:
    opened(page, server)
    expect(page.locator(".lass-footer")).to_contain_text("after 5 minutes")
