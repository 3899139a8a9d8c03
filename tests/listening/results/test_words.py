"""The report and the organiser's pages in every language: all sentences, the same blanks, the same numbers."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import get_args

import pytest

from lass.errors import LassError
from lass.listening.design.closing import State
from lass.listening.ratings.records import AGENT_CLASSES, HEADPHONES
from lass.listening.ratings.store import Store
from lass.listening.results import report
from lass.listening.results.analysis import Built, analyse
from lass.listening.results.export import FORMATS
from lass.listening.results.screening import RULES, Rater, screen
from lass.listening.results.words import FOLDER, languages, say, words
from tests.listening.rated import AFTERWARDS, WHILE_OPEN, golden_store

BRACES = re.compile(r"\{\w+\}")
QUOTED = re.compile(r'"([a-z][a-z0-9_]*)"')
WEB = FOLDER.parent.parent / "web"
SOURCES = [*FOLDER.parent.glob("*.py"), *WEB.glob("organiser*.py"), WEB / "forms.py"]


def composed() -> Iterator[str]:
    """The keys that are put together from the names of things."""
    for rule in RULES:
        yield from (f"rule_{rule}", f"when_{rule}")
    yield from (f"method_{number}" for number in range(1, report.METHODS + 1))
    yield from (f"state_{state.replace(' ', '_')}" for state in get_args(State))
    yield from (f"device_{device}" for device in AGENT_CLASSES)
    yield from (f"headphones_{check}" for check in HEADPHONES)
    yield from (f"format_{kind}" for kind in FORMATS)


@pytest.fixture(scope="module")
def golden(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Store, Built]]:
    store, built, _ = golden_store(tmp_path_factory.mktemp("golden"))
    with store:
        yield store, built


@pytest.mark.parametrize("language", languages())
def test_a_language_says_everything_with_the_same_blanks(language: str) -> None:
    english, other = words("en"), words(language)
    assert set(other) == set(english)
    for key, text in other.items():
        assert text.strip() == text != ""
        assert set(BRACES.findall(text)) == set(BRACES.findall(english[key])), key
        if key.endswith("_one"):
            assert key.removesuffix("_one") in other
    if language != "en":
        alike = [key for key, text in other.items() if text == english[key] and len(BRACES.sub("", text)) > 12]
        assert alike == []


def test_every_sentence_is_asked_for_and_none_is_missing() -> None:
    quoted = {key for file in SOURCES for key in QUOTED.findall(file.read_text(encoding="utf-8"))}
    whole = set(composed())
    assert whole <= set(words("en"))
    prefixes = ("column_", "count_", "fact_", "card_", "system_", "store_")
    used = whole | quoted | {f"{prefix}{name}" for prefix in prefixes for name in quoted}
    statuses = {f"store_{name}" for name in ("database", "where", "version", "journal_files", "journal_bytes", "rows")}
    unused = {key for key in words("en") if key.removesuffix("_one") not in used | statuses}
    assert unused == {"language_name"}
    for file in SOURCES:
        asked = re.findall(r'\b(?:frame\.say|say|caption)\((?:language, ?|[\w.]+language,\s*)?"([a-z0-9_]+)"',
                           file.read_text(encoding="utf-8"))  # fmt: skip
        assert set(asked) <= set(words("en")), file.name


def numbers_in(text: str) -> list[str]:
    """The numbers of a report's tables, in order."""
    cells = re.findall(r"<td[^>]*>([^<]*)</td>", text)
    return [number for cell in cells for number in re.findall(r"\d+\.\d+|\b\d+\b", cell)]


@pytest.mark.parametrize("now", [WHILE_OPEN, AFTERWARDS], ids=["open", "closed"])
def test_a_report_in_french_is_french_and_has_the_same_numbers(golden: tuple[Store, Built], now: float) -> None:
    english, french = (report.document(analyse(*golden, now, language)) for language in ("en", "fr"))
    assert '<html lang="fr">' in french
    assert "Un petit test" in french
    assert numbers_in(french) == numbers_in(english)
    said = re.sub(r"\s+", " ", re.sub(r"<style>.*?</style>|<[^>]+>|\s", " ", french, flags=re.DOTALL))
    sentences = [text for text in words("en").values() if len(text) > 30 and not BRACES.search(text)]
    assert [text for text in sentences if text in said] == []
    for word in ("Evaluator", "Raters", "Average", "Sample", "Unprocessed", "of these"):
        assert word not in said, word
    assert "Mélange non traité (ancre cachée)" in said
    assert "--language fr" in french


def test_what_screening_found_is_said_in_the_language(golden: tuple[Store, Built]) -> None:
    rater = Rater("x", {"q": {}}, traps=[5, 5], headphones="failed", notes=["an answer claimed too much listening"])
    found = screen([rater], language="fr").flags["x"]
    assert [flag.rule for flag in found] == ["traps", "headphones", "claims"]
    assert [flag.found for flag in found] == [
        "2 sur 2 notées 4 ou plus", "échouée", "une réponse déclarait trop d’écoute",
    ]  # fmt: skip


def test_marks_stay_with_their_words() -> None:
    assert say("fr", "delete_title", name="x") == "Supprimer x\u00a0?"
    assert say("fr", "close_title", title="a : b") == "Fermer «\u00a0a : b\u00a0» maintenant\u00a0?"


def test_a_language_without_words_is_refused(tmp_path: Path) -> None:
    with pytest.raises(LassError, match="choose one of en, fr"):
        report.check_language("../en")
