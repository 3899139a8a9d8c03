"""The questionnaire: every answer is counted once, what cannot be counted is listed, and only after closing."""

import dataclasses
import json
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

from lass.listening.design.study import Study
from lass.listening.ratings.records import SessionRecord
from lass.listening.ratings.store import Store
from lass.listening.results import report, tables
from lass.listening.results.analysis import Built, analyse
from lass.listening.results.questionnaire import answers_of
from tests.listening.rated import AFTERWARDS, WHILE_OPEN, golden_store

FIELDS = [
    {"key": "gear", "label": {"en": "What do you wear?", "fr": "Que portez-vous ?"}, "kind": "choice",
     "choices": [{"en": "headphones", "fr": "un casque"}, {"en": "nothing", "fr": "rien"}]},
    {"key": "age", "label": {"en": "Your age", "fr": "Votre âge"}, "kind": "number"},
    {"key": "remark", "label": {"en": "Anything else?", "fr": "Autre chose ?"}, "kind": "text"},
]  # fmt: skip
HOSTILE = "<script>alert(1)</script>"


def session(place: int, answers: Mapping[str, str]) -> SessionRecord:
    return SessionRecord(f"token-{place}", "demo", "0" * 64, place, 7, "en", "desktop", False, 0.0, answers=answers)


def asking(fields: Sequence[object]) -> Study:
    """A study that asks these questions at the end."""
    return Study.model_validate(
        {
            "title": "A test", "welcome": "Welcome!", "languages": ["en", "fr"], "scale": "separation",
            "conditions": [{"id": "a"}], "questionnaire": fields,
            "items": [{"id": "one", "mixture": "scene:owl-crickets", "query": "an owl", "files": {"a": "a.wav"}}],
        }
    )  # fmt: skip


def test_choices_are_counted_numbers_described_and_texts_listed() -> None:
    given: list[dict[str, str]] = [
        {"gear": "headphones", "age": "20", "remark": "zebra"},
        {"gear": "headphones", "age": "31.5", "remark": "Apple"},
        {"age": "-1"},
        {},
    ]
    gear, age, remark = answers_of(asking(FIELDS), [session(place, one) for place, one in enumerate(given)], "en")
    assert (gear.label, gear.raters, gear.answered) == ("What do you wear?", 4, 2)
    assert dict(gear.choices) == {"headphones": 2, "nothing": 0}
    assert age.numbers is not None
    assert (age.numbers.n, age.numbers.lowest, age.numbers.highest, age.numbers.median) == (3, -1.0, 31.5, 20.0)
    assert age.numbers.mean == pytest.approx(50.5 / 3)
    assert remark.texts == ("Apple", "zebra")
    assert tables.choices([gear], "").rows == (
        ("What do you wear?", "headphones", "2", "100.0"),
        ("What do you wear?", "nothing", "0", "0.0"),
        ("What do you wear?", "(no answer)", "2", "–"),
    )
    assert tables.numbers([age], "").rows == (
        ("Your age", "3 of 4", "16.83", "16.48", "20.00", "\u22121.00", "31.50"),
    )


def test_answers_are_counted_in_whatever_language_they_are_shown() -> None:
    # "rien" was saved when French came first in the file.
    given = [{"gear": "nothing"}, {"gear": "rien"}, {"gear": "a horn"}]
    gear, *_ = answers_of(asking(FIELDS), [session(place, one) for place, one in enumerate(given)], "fr")
    assert gear.label == "Que portez-vous ?"
    assert dict(gear.choices) == {"un casque": 0, "rien": 2, "a horn": 1}


def test_answers_to_an_earlier_version_of_the_file_are_not_lost() -> None:
    given = [{"age": "young", "job": "cook"}, {"age": "9" * 400}, {"age": "40"}]
    _, age, _, job = answers_of(asking(FIELDS), [session(place, one) for place, one in enumerate(given)], "en")
    assert age.texts == ("9" * 400, "young")  # the first is no number that can be reckoned with
    assert age.numbers is not None
    assert (age.numbers.n, age.numbers.deviation) == (1, None)
    assert (job.label, job.kind, job.texts) == ("job", "text", ("cook",))
    nobody = answers_of(asking(FIELDS), [], "en")
    assert [field.numbers for field in nobody] == [None, None, None]
    assert tables.numbers([nobody[1]], "").rows == (("Your age", "0 of 0", "–", "–", "–", "–", "–"),)


@pytest.fixture(scope="module")
def answered(tmp_path_factory: pytest.TempPathFactory) -> tuple[Built, Store]:
    """The golden study with a questionnaire, and a store whose participants answered it."""
    store, built, tokens = golden_store(tmp_path_factory.mktemp("golden"))
    study = built.study.model_copy(update={"questionnaire": asking(FIELDS).questionnaire})
    for rater, token in tokens.items():
        store.update(token, answers={"gear": "headphones", "age": str(20 + rater), "remark": f"{HOSTILE}{rater}"})
    return Built(study.named("demo", built.study.sha256), built.manifest), store


def test_the_report_has_the_answers_after_closing_and_not_before(answered: tuple[Built, Store]) -> None:
    built, store = answered
    closed = analyse(store, built, AFTERWARDS)
    text = report.document(closed)
    for words in ("What the raters said of themselves", "What do you wear?", "headphones", "23.50", "&lt;script&gt;"):
        assert words in text
    assert "<script" not in text
    fields = json.loads(report.numbers(closed))["questionnaire"]
    assert [field["answered"] for field in fields] == [6, 6, 6]
    before = analyse(store, built, WHILE_OPEN)
    assert before.questionnaire is None
    for words in ("said of themselves", "What do you wear?", "alert(1)"):
        assert words not in report.document(before) + report.numbers(before)


def test_long_and_many_texts_are_cut_in_the_report_and_whole_in_the_numbers(answered: tuple[Built, Store]) -> None:
    built, store = answered
    closed = analyse(store, built, AFTERWARDS)
    assert closed.questionnaire is not None
    texts = tuple(f"{number:03} " + "word " * 100 for number in range(130))
    fields = (*closed.questionnaire[:2], dataclasses.replace(closed.questionnaire[2], texts=texts))
    changed = dataclasses.replace(closed, questionnaire=fields)
    text = report.document(changed)
    assert text.count("<li>0") == report.MOST_TEXTS
    assert "30 more in the JSON file" in text
    assert "word " * 60 not in text
    assert "…</li>" in text
    assert json.loads(report.numbers(changed))["questionnaire"][2]["texts"] == list(texts)


def test_a_study_without_questions_has_no_such_section(tmp_path: Path) -> None:
    store, built, _ = golden_store(tmp_path)
    with store:
        assert "said of themselves" not in report.document(analyse(store, built, AFTERWARDS))
