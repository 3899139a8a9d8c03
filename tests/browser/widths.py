"""The two screens that every page is looked at on."""

import pytest
from playwright.sync_api import Page

WIDTHS = {"desktop": (1280, 800), "phone": (390, 844)}  # CSS pixels, width and height

#: Runs a test once on each screen; its `page` has that size, and `width` is the name.
on_each_width = pytest.mark.parametrize("width", list(WIDTHS))


def fits(page: Page) -> bool:
    """Whether nothing makes the page wider than its screen: a phone's innerWidth grows with what overflows."""
    return bool(page.evaluate("document.documentElement.scrollWidth <= screen.width"))
