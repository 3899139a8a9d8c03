"""Every language says everything, and the page asks for no sentence that nobody wrote."""

import re
from pathlib import Path

import pytest

from lass.listening.design.words import FOLDER, languages, say, words

BRACES = re.compile(r"\{\w+\}")
SOURCES = [file for pattern in ("*.py", "web/*.py", "web/*.js") for file in sorted(FOLDER.parent.glob(pattern))]


def test_the_languages_are_the_files_there_are() -> None:
    assert languages() == {"en": "English", "fr": "Français"}


@pytest.mark.parametrize("language", languages())
def test_a_language_says_everything_with_the_same_blanks(language: str) -> None:
    english, other = words("en"), words(language)
    assert set(other) == set(english)
    for key, text in other.items():
        assert text == text.strip() != ""
        assert set(BRACES.findall(text)) == set(BRACES.findall(english[key])), key
        if key.endswith("_one"):
            assert key.removesuffix("_one") in other


def test_another_language_is_said_in_english_until_somebody_writes_it() -> None:
    assert words("fr-CA") == words("fr")
    assert words("xx") == words("en")
    assert say("xx", "start") == words("en")["start"]


def test_blanks_are_filled_and_one_is_said_as_one() -> None:
    assert say("en", "trial_title", at=2, of=5) == "Sample 2 of 5"
    assert say("en", "idle_left", count=2) == "2 seconds left"
    assert say("en", "idle_left", count=1) == "one second left"
    assert say("en", "asked {at.__class__}", at=1) == "asked {at.__class__}"


@pytest.mark.parametrize("file", SOURCES, ids=lambda file: file.name)
def test_the_page_asks_for_sentences_that_exist(file: Path) -> None:
    call = r"\bt\(" if file.suffix == ".js" else r"\b(?:say|_refusal)\((?:[\w.]+, )?"
    asked = re.findall(call + r"""["']([a-z_0-9]+)["']""", file.read_text(encoding="utf-8"))
    assert set(asked) <= set(words("en")), "write these in every file of words"
