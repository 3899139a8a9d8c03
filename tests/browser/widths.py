"""The two screens that every page is looked at on."""

import pytest

WIDTHS = {"desktop": (1280, 800), "phone": (390, 844)}  # CSS pixels, width and height

#: Runs a test once on each screen; its `page` has that size, and `width` is the name.
on_each_width = pytest.mark.parametrize("width", list(WIDTHS))
