"""Every page in both languages: its words, its language, the way to the other one, and nobody kept out."""

import re
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from lass.ui.parts import navigation
from lass.ui.words.french import FRENCH
from lass.ui.words.languages import LANGUAGES
from lass.ui.words.texts import ENGLISH, Texts
from tests.browser.accessible import assert_accessible
from tests.browser.server import Server
from tests.browser.widths import fits, on_each_width

LONG = 120_000
EVERY = [(texts, path) for texts in LANGUAGES for path, _ in navigation.pages(texts)]


def opened(page: Page, server: Server, path: str) -> Page:
    page.goto(server.url + path)
    page.locator(".lass-footer").wait_for(timeout=LONG)
    return page


@pytest.mark.parametrize(("texts", "path"), EVERY, ids=lambda value: getattr(value, "language", value or "separate"))
def test_a_page_is_in_one_language_and_open_to_all(
    page: Page, server: Server, console_errors: list[str], texts: Texts, path: str
) -> None:
    opened(page, server, navigation.route(texts, path))
    assert page.evaluate("document.documentElement.lang") == texts.language
    expect(page.locator(".lass-header p")).to_have_text(texts.tagline)
    expect(page.locator(".lass-nav [aria-current=page]")).to_have_text(dict(navigation.pages(texts))[path])
    expect(page).to_have_title(re.compile(re.escape(texts.title)))
    other = FRENCH if texts is ENGLISH else ENGLISH
    assert other.tagline not in page.content()
    assert_accessible(page)
    assert console_errors == []


@on_each_width
def test_the_way_to_the_other_language_and_back(page: Page, server: Server) -> None:
    opened(page, server, "batch")
    page.get_by_role("link", name="Français").click()
    page.wait_for_url(f"{server.url}fr-batch")
    expect(page.get_by_role("heading", name=FRENCH.pages.batch.title)).to_be_visible(timeout=LONG)
    assert fits(page)
    page.get_by_role("link", name=FRENCH.pages.navigation.separate).click()
    page.wait_for_url(f"{server.url}fr")
    page.get_by_role("link", name="English").click()
    page.wait_for_url(server.url)
    expect(page.get_by_role("button", name="Separate", exact=True)).to_be_visible(timeout=LONG)


def test_the_listening_test_is_in_the_language_of_the_page(page: Page, server: Server) -> None:
    opened(page, server, "fr")
    page.get_by_role("link", name="Test d’écoute").click()
    page.wait_for_url(f"{server.url}listen/?lang=fr")
    assert page.evaluate("document.documentElement.lang") == "fr"


def test_a_french_visitor_separates_and_is_told_what_is_wrong(page: Page, server: Server, tmp_path: Path) -> None:
    opened(page, server, "fr")
    page.get_by_role("button", name="Séparer", exact=True).click()
    expect(page.get_by_role("alert").first).to_contain_text("Ajoutez d’abord un enregistrement", timeout=LONG)
    (tmp_path / "texte.wav").write_text("bonjour " * 200)
    page.locator("#lass-recording input[type=file]").set_input_files(tmp_path / "texte.wav")
    expect(page.locator("#lass-recording")).to_contain_text("texte.wav", timeout=LONG)
    page.get_by_label(re.compile("Que voulez-vous entendre")).fill("a dog barking")
    page.get_by_role("button", name="Séparer", exact=True).click()
    expect(page.get_by_role("alert").first).to_contain_text("format lisible", timeout=LONG)
    page.locator("#lass-example-1").click()
    page.locator(".lp:not(.lp-loading) .lp-picture").wait_for(timeout=LONG)
    expect(page.locator("#lass-player").get_by_role("button", name="Écouter", exact=True)).to_be_visible()
    expect(page.locator("#lass-details")).to_contain_text("redonnent exactement votre enregistrement")
    assert_accessible(page)


def test_no_page_asks_for_anything_beyond_this_machine(
    page: Page, server: Server, outside_requests: list[str]
) -> None:
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    for path in [*(navigation.route(texts, path) for texts, path in EVERY), "listen/", "listen/?lang=fr", "results/"]:
        before = len(asked)
        page.goto(server.url + path)
        page.locator(".lass-footer, main").last.wait_for(timeout=LONG)
        assert len(asked) > before
        # What the page would ask for, had it been given the time: pictures, scripts and styles from other hosts.
        outside = page.evaluate(
            "[...document.querySelectorAll('img[src], script[src], link[rel=stylesheet], link[rel=icon], audio[src]')]"
            ".map(one => new URL(one.src || one.href))"
            ".filter(url => url.protocol.startsWith('http') && url.origin !== location.origin).map(url => url.href)"
        )
        assert outside == []
    assert outside_requests == []
    assert server.attempts() == []
