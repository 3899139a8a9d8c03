"""The languages that the pages are in."""

from __future__ import annotations

from lass.ui.words.french import FRENCH
from lass.ui.words.texts import ENGLISH

LANGUAGES = (ENGLISH, FRENCH)
"""The tables of all languages, the first one at the plain addresses."""
