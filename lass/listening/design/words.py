"""What the pages of the listening test say, by language.

A language is one file of a folder of words: ``fr.yaml`` holds every sentence in French by its key, and under
``language_name`` what the language calls itself. A new language needs no more than its file. Names in braces are filled
in; a key that ends in ``_one`` is said where the ``{count}`` is 1. The participant's page has its words here; those of
the report and of the organiser's pages are in ``lass.listening.results.words``.
"""

import re
from functools import cache
from pathlib import Path

import yaml

from lass.typography import french

FOLDER = Path(__file__).parent / "words"
FALLBACK = "en"
"""The language that has every key; it stands in where another one lacks a sentence."""

_BRACES = re.compile(r"\{(\w+)\}")


class Words:
    """The sentences of a folder's files.

    ``unbroken`` keeps French marks on the line of the word they belong to; the participant's page does that itself.
    """

    def __init__(self, folder: Path, *, unbroken: bool = False) -> None:
        self.folder = folder
        self._unbroken = unbroken
        self._read = cache(self._load)
        self.languages = cache(self._languages)
        self.words = cache(self._words)

    def _languages(self) -> dict[str, str]:
        """The languages there are: codes, and what they call themselves; sorted by code."""
        return {code: self._read(code)["language_name"] for code in self._codes()}

    def _words(self, language: str) -> dict[str, str]:
        """Every sentence of a language by its key; in a language that is not there, its relative's, or English."""
        known = self._codes()
        chosen = next((code for code in (language, language.partition("-")[0]) if code in known), FALLBACK)
        return self._read(FALLBACK) | self._read(chosen)

    def say(self, language: str, key: str, **values: object) -> str:
        """One sentence, its braces filled in; the key itself where nobody wrote one."""
        texts = self.words(language)
        text = texts.get(f"{key}_one") if values.get("count") == 1 else None
        text = text or texts.get(key, key)
        # Not str.format, which would let a value reach into objects.
        return _BRACES.sub(lambda found: str(values.get(found[1], found[0])), text)

    def _codes(self) -> list[str]:
        return sorted(file.stem for file in self.folder.glob("*.yaml"))

    def _load(self, language: str) -> dict[str, str]:
        texts: dict[str, str] = yaml.safe_load((self.folder / f"{language}.yaml").read_text(encoding="utf-8"))
        return french(texts) if self._unbroken else texts


_PAGE = Words(FOLDER)
languages, words, say = _PAGE.languages, _PAGE.words, _PAGE.say

__all__ = ["FALLBACK", "Words", "languages", "say", "words"]
