"""The French pages: every sentence there, with the same words to fill in, set as French is."""

import re
import string
from collections.abc import Iterator
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any

import pytest

from lass.checkpoints.remote import in_words
from lass.typography import french, french_number, french_size
from lass.ui.words.french import FRENCH
from lass.ui.words.sentences import FRENCH as SENTENCES
from lass.ui.words.texts import ENGLISH
from lass.ui.work.measuring import shipped
from lass.ui.work.service import load_examples

# The same in both languages.
ALIKE = {"name", "model_option", "query_placeholder", "mono", "sdr", "sdri", "si_sdr", "label", "pause", "position"}
ALIKE |= {"architecture", "column_description", "column_query", "version", "citations_words", "start", "source"}


def sentences(table: Any, path: str = "") -> Iterator[tuple[str, str]]:
    """Every string of a table, with the way to it."""
    for item in fields(table):
        yield from _strings(getattr(table, item.name), f"{path}.{item.name}".strip("."))


def _strings(value: Any, path: str) -> Iterator[tuple[str, str]]:
    if isinstance(value, str):
        yield path, value
    elif isinstance(value, tuple):
        for number, one in enumerate(value):
            yield from _strings(one, f"{path}.{number}")
    elif is_dataclass(value):
        yield from sentences(value, path)


def placeholders(sentence: str) -> set[str]:
    """The names in braces of a sentence."""
    return {name for _, name, _, _ in string.Formatter().parse(sentence) if name}


ENGLISH_SENTENCES, FRENCH_SENTENCES = dict(sentences(ENGLISH)), dict(sentences(FRENCH))


def test_both_tables_have_the_same_sentences() -> None:
    assert ENGLISH_SENTENCES.keys() == FRENCH_SENTENCES.keys()
    assert len(FRENCH_SENTENCES) > 200
    assert all(sentence.strip() for sentence in FRENCH_SENTENCES.values())


@pytest.mark.parametrize("path", ENGLISH_SENTENCES)
def test_a_sentence_is_filled_in_with_the_same_words(path: str) -> None:
    assert placeholders(FRENCH_SENTENCES[path]) == placeholders(ENGLISH_SENTENCES[path])


@pytest.mark.parametrize("key", SENTENCES)
def test_an_error_is_filled_in_with_the_same_words(key: str) -> None:
    english, translation = SENTENCES[key]
    assert placeholders(translation) == placeholders(english)


def test_no_sentence_was_left_in_english() -> None:
    same = {path for path in ENGLISH_SENTENCES if ENGLISH_SENTENCES[path] == FRENCH_SENTENCES[path]}
    left = {path for path in same if not ALIKE & set(path.split("."))}
    assert not {path for path in left if re.search(r"[a-z]{3}", ENGLISH_SENTENCES[path])}


def test_no_line_begins_with_a_french_mark() -> None:
    assert not [sentence for sentence in FRENCH_SENTENCES.values() if re.search(r" [?!:;»…]|« ", sentence)]


def test_marks_stay_with_their_words_in_sentences_and_tables() -> None:
    assert french("« oui » ? non : rien") == "«\u00a0oui\u00a0»\u00a0? non\u00a0: rien"
    assert french(("a ?", {"b": "c !"})) == ("a\u00a0?", {"b": "c\u00a0!"})
    assert french("https://example.org/a") == "https://example.org/a"


def test_sizes_are_in_octets() -> None:
    assert french_size(in_words(1_200_000_000, approximate=True)) == "environ 1,2 Go"
    assert [french_size(in_words(count)) for count in (5, 5_000, 5_000_000)] == ["5 o", "5 ko", "5 Mo"]
    assert french_size(in_words(None)) == "de taille inconnue"


def test_numbers_have_a_comma_and_thousands_apart() -> None:
    assert french_number("9,500") == "9\u202f500"
    assert french_number("-3.5 dB") == "-3,5 dB"
    assert french_number("1,234,567.8") == "1\u202f234\u202f567,8"


def test_whatever_ships_has_a_french_name() -> None:
    examples = load_examples(Path(__file__).parents[3] / "examples")
    titles = {example.title for example in examples} | {sound.title for sound in shipped()}
    assert titles
    assert not titles - FRENCH.titles.keys()
    assert not FRENCH.titles.keys() - titles
