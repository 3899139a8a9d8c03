"""What the report and the organiser's pages say, by language: the files in the folder ``words``."""

from pathlib import Path

from lass.listening.design.words import FALLBACK, Words

FOLDER = Path(__file__).parent / "words"

_WORDS = Words(FOLDER, unbroken=True)
languages, words, say = _WORDS.languages, _WORDS.words, _WORDS.say

__all__ = ["FALLBACK", "languages", "say", "words"]
