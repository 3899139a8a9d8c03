"""The page Models & method, and the bar that leads from page to page."""

import re

import pytest
from playwright.sync_api import Page, expect

from lass.checkpoints.catalogue import list_models, read_metadata
from tests.browser.accessible import assert_accessible
from tests.browser.server import Server
from tests.browser.test_separate import LONG, button
from tests.browser.widths import fits, on_each_width

PAGES = {
    "Separate": "Separate",
    "Compare": "Compare",
    "Mix & measure": "Mix, separate and measure",
    "Batch": "Separate them all",
    "Models & method": "Find the nearest sounds",
}


@on_each_width
def test_the_bar_leads_to_every_page_by_keyboard(page: Page, server: Server, console_errors: list[str]) -> None:
    page.goto(server.url)
    for name, control in PAGES.items():
        link = page.get_by_role("navigation", name="Pages").get_by_role("link", name=name, exact=True)
        link.wait_for(timeout=LONG)
        link.focus()
        page.keyboard.press("Enter")
        button(page, control).wait_for(timeout=LONG)
        current = page.get_by_role("navigation", name="Pages").locator("[aria-current=page]")
        expect(current).to_have_text(name)
        assert fits(page)
    assert page.get_by_role("navigation").count() == 1
    assert console_errors == []


@pytest.mark.parametrize("path", ["compare", "measure", "batch", "models-and-method"])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_nothing_serious_is_found_on_a_page_just_opened(page: Page, server: Server, path: str, scheme: str) -> None:
    page.emulate_media(color_scheme="dark" if scheme == "dark" else "light")
    page.goto(f"{server.url}{path}")
    page.locator(".lass-footer").wait_for(timeout=LONG)
    assert_accessible(page)


@on_each_width
def test_words_find_the_known_sounds_they_come_nearest_to(page: Page, server: Server) -> None:
    page.goto(f"{server.url}models-and-method")
    page.get_by_label("Words").fill("a puppy barks")
    page.get_by_label("Words").press("Enter")
    found = page.locator("#lass-found")
    expect(found.locator("li").first).to_contain_text("dog", timeout=LONG)
    assert found.locator("li").count() == 6
    numbers = [float(text) for text in found.locator(".lass-number").all_inner_texts()]
    assert numbers == sorted(numbers, reverse=True)
    page.get_by_label("Words").fill("")
    button(page, "Find the nearest sounds").click()
    expect(found).to_contain_text("known sounds", timeout=LONG)
    assert found.locator("li").count() > 20
    assert fits(page)


@on_each_width
def test_what_each_bundled_model_took_to_train_is_what_its_file_says(page: Page, server: Server) -> None:
    page.goto(f"{server.url}models-and-method")
    rows = page.locator("#lass-budget tbody tr")
    rows.first.wait_for(timeout=LONG)
    bundled = [entry for entry in list_models() if entry.asset is not None]
    assert rows.count() == len(bundled) > 1
    for entry in bundled:
        assert entry.asset is not None
        stages = [read_metadata(entry.asset)["training"]]
        while start := stages[-1].get("start"):
            stages.append(start["training"])
        steps, hours = (sum(stage[what] for stage in stages) for what in ("steps", "seconds"))
        row = rows.filter(has_text=entry.title).first
        expect(row).to_contain_text(f"{steps:,} steps, {hours / 3600:.1f} hours on {stages[0]['device'].upper()}")
        expect(row).to_contain_text(f"in {len(stages)} stages")
        expect(row).to_contain_text(entry.size)
    assert fits(page)


def test_what_stays_english_on_the_french_page_says_that_it_is(page: Page, server: Server) -> None:
    page.goto(f"{server.url}fr-models-and-method")
    page.locator(".lass-card").first.wait_for(timeout=LONG)
    expect(page.locator(".lass-card [lang=en]").first).to_contain_text("trained on")
    expect(page.locator("#lass-budget tbody tr").first).to_contain_text(re.compile(r"11\s000 pas, .* heures sur CPU"))
    expect(page.locator("#lass-budget")).not_to_contain_text("hours")
    expect(page.locator(".lass-card").filter(has_text="not stated")).to_have_count(0)
    page.get_by_role("button", name="La fiche entière").first.click()
    expect(page.locator(".lass-card-text [lang=en]").first).to_contain_text("How it was trained")


def test_every_model_has_a_card_with_its_licence(page: Page, server: Server) -> None:
    page.goto(f"{server.url}models-and-method")
    cards = page.locator(".lass-card")
    cards.first.wait_for(timeout=LONG)
    assert cards.count() >= 6
    for card in cards.all():
        expect(card).to_contain_text("Licence of the weights")
    page.get_by_role("button", name="The whole card").first.click()
    expect(page.locator(".lass-card-text").first).to_contain_text("How it was trained")
