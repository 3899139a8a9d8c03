"""A study file is read whole, or refused with every problem at its line."""

from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
import yaml

from lass.listening.design.checking import check_study
from lass.listening.design.problems import StudyError
from lass.listening.design.study import Study, load_study
from tests.listening.small import small_source

SHORT = """\
title: A test
welcome: Welcome!
scale: separation
conditions:
  - id: one
    model: resunet-compact
items:
  - id: owl
    mixture: owl.wav
    query: an owl
"""


def written(folder: Path, text: str) -> Path:
    file = folder / "short.yaml"
    file.write_text(text, encoding="utf-8")
    return file


def problems(file: Path) -> list[tuple[int, str, str]]:
    with pytest.raises(StudyError) as caught:
        load_study(file)
    return [(problem.line, problem.field, problem.message) for problem in caught.value.problems]


def fields(folder: Path, **changes: Any) -> Path:
    """The short study with some fields changed."""
    return written(folder, yaml.safe_dump({**yaml.safe_load(SHORT), **changes}, sort_keys=False))


def test_a_short_file_is_a_study_with_defaults(tmp_path: Path) -> None:
    file = written(tmp_path, SHORT)
    study = load_study(file)
    assert study.slug == "short"
    assert study.sha256 == sha256(file.read_bytes()).hexdigest()
    assert study.languages == ("en",)
    assert study.items[0].asked == "an owl"
    assert [question.key for question in study.scale.questions] == ["rating"]
    assert (study.minimum_heard, study.loudness, study.items_per_rater, study.practice) == (0.9, -23.0, None, ())


def test_a_folder_names_its_study(tmp_path: Path) -> None:
    source = small_source(tmp_path / "my-test")
    assert load_study(tmp_path / "my-test") == load_study(source)
    assert load_study(source).slug == "my-test"
    (tmp_path / "My test").mkdir()
    (tmp_path / "My test" / "study.yaml").write_text(SHORT)
    with pytest.raises(StudyError, match="cannot name a study"):
        load_study(tmp_path / "My test")


def test_texts_are_given_in_the_language_asked_for(tmp_path: Path) -> None:
    study = load_study(fields(tmp_path, languages=["fr", "en"], title={"fr": "Essai", "en": "Test"}))
    assert study.title.in_language("fr-CA") == "Essai"
    assert study.title.in_language("en") == "Test"
    assert study.title.in_language("de") == "Essai"
    assert study.welcome.in_language("fr") == "Welcome!"


def test_every_problem_is_told_at_once_with_its_line(tmp_path: Path) -> None:
    text = SHORT.replace("title:", "titel:").replace("query: an owl", "query: 5").replace("separation", "seperation")
    found = problems(written(tmp_path, text + "seed: soon\nanchor: 1\n"))
    assert [(line, field) for line, field, _ in found] == [
        (1, "title"), (1, "titel"), (3, "scale"), (10, "items[0].query"), (11, "seed"), (12, "anchor"),
    ]  # fmt: skip
    messages = {field: message for _, field, message in found}
    assert "did you mean title" in messages["titel"]
    assert "rel-ovl" in messages["scale"]
    assert "whole number" in messages["seed"]
    assert "true or false" in messages["anchor"]


def test_the_error_is_readable_as_it_is(tmp_path: Path) -> None:
    file = written(tmp_path, SHORT.replace("mixture:", "mixtur:"))
    with pytest.raises(StudyError) as caught:
        load_study(file)
    first, second = str(caught.value).splitlines()
    assert first == f"{file}:8: items[0].mixture is missing; add it."
    assert second == f"{file}:9: items[0].mixtur is not known; did you mean mixture."


@pytest.mark.parametrize(
    ("addition", "line", "field"),
    [
        ("seed: 1\nseed: 2\n", 12, "seed"),
        ("opens: 2030-02-31\n", 11, "opens"),
        ("seed: 1.5\n", 11, "seed"),
        ("loudness: .nan\n", 11, "loudness"),
        ("loudness: 0\n", 11, "loudness"),
        ("return_url: javascript:alert(1)\n", 11, "return_url"),
        ("completion_code: 1234\n", 11, "completion_code"),
        ("completion_code: a b\n", 11, "completion_code"),
        ("screening:\n  trap_score: 9\n", 12, "screening.trap_score"),
        ("screening:\n  quick_share: .inf\n", 12, "screening.quick_share"),
        ("screening:\n  trap: 4\n", 12, "screening.trap"),
        ("languages: [en, en]\n", 11, "languages"),
        ("languages: [no]\n", 11, "languages[0]"),
        ("minimum_heard: 2\n", 11, "minimum_heard"),
        ("consent: {en: yes}\n", 11, "consent"),
        ("consent: {english: hello}\n", 11, "consent"),
        ("consent: {words: {}}\n", 11, "consent"),
        ("true: 1\n", 11, ""),
        ("conditions2: []\n", 11, "conditions2"),
        ("opens: 2030-02-01\ncloses: 2030-01-01\n", 12, "closes"),
        ("hidden_reference: true\n", 11, "hidden_reference"),
        ("traps: 1\n", 11, "traps"),
        ("repeats: 2\n", 11, "repeats"),
        ("languages: [fr]\nconsent: {en: hello}\n", 12, "consent"),
        ("questionnaire: [{key: age, label: Age, kind: choice}]\n", 11, "questionnaire[0].choices"),
        ("questionnaire:\n- {key: a, label: A}\n- {key: a, label: B}\n", 13, "questionnaire[1].key"),
        ("sync_dataset: ../../x\n", 11, "sync_dataset"),
    ],
)
def test_what_a_study_cannot_say(tmp_path: Path, addition: str, line: int, field: str) -> None:
    found = problems(written(tmp_path, SHORT + addition))
    assert [(line, field) for line, field, _ in found] == [(line, field)]


@pytest.mark.parametrize(
    ("before", "after", "line", "field"),
    [
        ("id: owl", "id: ../owl", 8, "items[0].id"),
        ("id: one", "id: anchor", 5, "conditions[0].id"),
        ("model: resunet-compact", "title: x", 8, "items[0].files"),
        ("query: an owl", "query: an owl\n    conditions: [two]", 11, "items[0].conditions[0]"),
        ("query: an owl", "query: an owl\n    files: {one: a.wav}", 11, "items[0].files.one"),
        ("query: an owl", "query: an owl\n  - {id: owl, mixture: b.wav, query: b}", 11, "items[1].id"),
        ("separation", "{questions: [{key: a, text: A, labels: [a, b]}]}", 3, "scale.questions[0].labels[2]"),
        ("query: an owl", 'query: ""', 10, "items[0].query"),
        ("mixture: owl.wav", 'mixture: "a\\0b"', 9, "items[0].mixture"),
    ],
)
def test_what_parts_of_a_study_cannot_say(tmp_path: Path, before: str, after: str, line: int, field: str) -> None:
    assert before in SHORT
    found = problems(written(tmp_path, SHORT.replace(before, after)))
    assert (line, field) in [(line, field) for line, field, _ in found]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "must hold a table"),
        (b"- a\n- b\n", "must hold a table"),
        (b"a: &x 1\nb: *x\n", "alias"),
        (b"a: [" * 30, "too deeply"),
        (b"[" * 100_000, "too deeply"),
        (b"a: 1\nb: : 2\n", "not valid YAML"),
        (b"a: !!python/name:os.system x\n", "not valid YAML"),
        (b"a: \xff\n", "UTF-8"),
        (b"a: \x00\n", "character"),
        (b"a: 1\n---\nb: 2\n", "not valid YAML"),
        (b"#" * 1_000_001, "larger"),
        (b"? [a, b]\n: 1\n", "quotes"),
        (b"a: " + b"9" * 5000, "quotes"),
    ],
)
def test_hostile_files_are_refused_in_a_sentence(tmp_path: Path, content: bytes, said: str) -> None:
    file = tmp_path / "hostile.yaml"
    file.write_bytes(content)
    with pytest.raises(StudyError) as caught:
        load_study(file)
    assert said in str(caught.value)
    assert str(caught.value).startswith(f"{file}:")


def test_a_file_that_is_not_there_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(StudyError, match="cannot be read"):
        load_study(tmp_path / "gone.yaml")


def test_a_study_is_open_between_its_dates(tmp_path: Path) -> None:
    study = load_study(fields(tmp_path, opens="2030-01-01", closes="2030-02-01T12:00:00+01:00"))
    opens, closes = datetime(2030, 1, 1, tzinfo=UTC), datetime(2030, 2, 1, 11, tzinfo=UTC)
    assert not study.is_open(opens.timestamp() - 1)
    assert study.is_open(opens.timestamp())
    assert study.is_open(datetime(2030, 1, 1))  # a time without a zone counts as UTC
    assert study.is_open(closes.timestamp() - 1)
    assert not study.is_open(closes.timestamp())
    assert load_study(fields(tmp_path)).is_open(0.0)


def test_checking_finds_files_that_are_missing(tmp_path: Path) -> None:
    file = small_source(tmp_path / "demo")
    assert check_study(file).notes == ()
    (tmp_path / "demo" / "item2.wav").unlink()
    (tmp_path / "demo" / "item3-b.wav").unlink()
    with pytest.raises(StudyError) as caught:
        check_study(file)
    assert [problem.field for problem in caught.value.problems] == ["items[1].mixture", "items[2].files.b"]
    with pytest.raises(StudyError, match="no scene"):
        check_study(written(tmp_path, SHORT.replace("owl.wav", "scene:owls")))


def test_checking_says_which_models_are_not_here(tmp_path: Path) -> None:
    text = SHORT.replace("owl.wav", "scene:owl-crickets")
    assert check_study(written(tmp_path, text)).notes == ()
    (note,) = check_study(written(tmp_path, text.replace("resunet-compact", "audiosep-32k")), tmp_path).notes
    assert ":6: conditions[0].model" in note
    assert "download" in note
    beside = tmp_path / "mine.safetensors"
    beside.write_bytes(b"weights")
    assert check_study(written(tmp_path, text.replace("resunet-compact", beside.name))).notes == ()


@pytest.mark.parametrize(
    ("name", "hint"),
    [("resunet-compat", "did you mean resunet-compact"), ("ResUNet-Compact", "did you mean resunet-compact"),
     ("gone.safetensors", "known are resunet-compact"), ("a\\0b", "known are")],
)  # fmt: skip
def test_a_model_that_nobody_knows_is_a_problem(tmp_path: Path, name: str, hint: str) -> None:
    text = SHORT.replace("owl.wav", "scene:owl-crickets").replace("resunet-compact", f'"{name}"')
    with pytest.raises(StudyError) as caught:
        check_study(written(tmp_path, text))
    (problem,) = caught.value.problems
    assert (problem.line, problem.field) == (6, "conditions[0].model")
    assert hint in problem.message


@pytest.mark.parametrize("name", ["separation", "models"])
def test_the_studies_that_ship_have_no_problems(root: Path, name: str) -> None:
    study = check_study(root / "assets" / "studies" / name).study
    assert study.slug == name
    assert study.languages == ("en", "fr")
    assert len(study.items) == 5


def test_the_thesis_form_asks_its_one_question(root: Path) -> None:
    study = load_study(root / "assets" / "studies" / "separation")
    (question,) = study.scale.questions
    assert [str(label) for label in question.labels][::4] == ["not at all", "perfect"]
    assert (study.anchor, study.hidden_reference, study.traps, study.repeats) == (False, False, 0, 0)


def test_the_comparison_has_all_controls(root: Path) -> None:
    study: Study = load_study(root / "assets" / "studies" / "models")
    assert [one.model for one in study.conditions] == ["resunet-compact", "resunet-dprnn-compact", "resunetpp-compact"]
    assert [question.key for question in study.scale.questions] == ["rel", "ovl"]
    assert (study.anchor, study.hidden_reference, study.traps, study.repeats) == (True, True, 1, 1)
    assert len(study.practice) == 1
    assert study.questionnaire


# --- All problems of a file in one run

SEVERAL = """\
titel: A test
welcome: Welcome!
languages: [en, de]
scale: separation
opens: 2030-02-31
seed: soon
anchor: true
conditions:
  - id: one
    model: resunet-compat
  - id: two
    model: 5
  - id: anchor
items:
  - id: owl
    mixture: owl.wav
    query: 5
    conditions: [one, six]
  - {id: bird, mixture: "scene:birds", query: a bird, files: {one: 5, three: gone.wav}}
  - {id: owl, mixture: other.wav, query: an owl, other: [rain]}
  - just words
practice:
  - {id: hello, mixture: hello.wav, query: hello, reference: gone.wav}
questionnaire:
  - {key: age, label: Age, kind: choice}
  - {key: age, label: 1830-13-01, kind: number}
seed: 3
"""


def checked(file: Path) -> list[tuple[int, str]]:
    """The lines and fields of all problems that checking finds."""
    with pytest.raises(StudyError) as caught:
        check_study(file)
    return [(problem.line, problem.field) for problem in caught.value.problems]


def test_one_run_tells_every_problem_of_a_file(tmp_path: Path) -> None:
    assert checked(written(tmp_path, SEVERAL)) == [
        (1, "title"), (1, "titel"), (3, "languages[1]"), (5, "opens"), (6, "seed"),
        (10, "conditions[0].model"), (12, "conditions[1].model"), (13, "conditions[2].id"),
        (16, "items[0].mixture"), (17, "items[0].query"), (19, "items[1].files.one"), (19, "items[1].mixture"),
        (19, "items[1].files.three"), (20, "items[2].other"), (20, "items[2].id"), (20, "items[2].mixture"),
        (21, "items[3]"), (23, "practice[0].mixture"), (23, "practice[0].reference"), (25, "questionnaire[0].choices"),
        (26, "questionnaire[1].label"), (26, "questionnaire[1].key"), (27, "seed"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("broken", "elsewhere"),
    [
        ("opens: 2030-02-31\n", None),
        ("seed: soon\n", None),
        ("scale: nothing\n", "scale: separation\n"),
        ("closes: {at: noon}\n", None),
        ("traps: many\n", None),
        ("nonsense: 1\n", None),
        ("questionnaire: [{key: a, label: A}, 5]\n", None),
        ("2030-01-01: x\n", None),
        ("welcome: {en: 5}\n", "welcome: Welcome!\n"),
    ],
)
def test_no_problem_hides_another(tmp_path: Path, broken: str, elsewhere: str | None) -> None:
    text = (SHORT.replace(elsewhere, "") if elsewhere else SHORT).replace("resunet-compact", "resunet-compat")
    found = [field for _, field in checked(written(tmp_path, broken + text + "anchor: perhaps\n"))]
    assert len(found) == 4
    assert found[1:] == ["conditions[0].model", "items[0].mixture", "anchor"]


@pytest.mark.parametrize(
    ("first", "before", "after", "told"),
    [
        # What rests on a value that cannot be read is not complained about.
        ("", "id: one", "id: ../one", "conditions[0].id"),
        ("", "model: resunet-compact", "model: 5", "conditions[0].model"),
        ("", "conditions:\n  - id: one\n    model: resunet-compact\n", "conditions: []\n", "conditions"),
        ("", "conditions: [one]", "conditions: 5", "items[0].conditions"),
        ("languages: 5\n", "title: A test", "title: {fr: Essai}", "languages"),
        ("hidden_reference: true\n", "query: an owl", "query: an owl\n    reference: 5", "items[0].reference"),
        ("hidden_reference: true\n", "query: an owl", "query: an owl", "hidden_reference"),
        ("traps: 1\n", "query: an owl", "query: an owl\n    other: 5", "items[0].other"),
        ("items_per_rater: no\nrepeats: 2\n", "anchor: true", "anchor: true", "items_per_rater"),
    ],
)
def test_a_value_that_cannot_be_read_makes_no_further_problems(
    tmp_path: Path, first: str, before: str, after: str, told: str
) -> None:
    text = f"{first}anchor: true\n{SHORT}    conditions: [one]\n".replace("owl.wav", "scene:owl-crickets")
    assert before in text
    assert [field for _, field in checked(written(tmp_path, text.replace(before, after)))] == [told]


def test_a_language_without_words_is_refused_with_those_there_are(tmp_path: Path) -> None:
    (found,) = problems(fields(tmp_path, languages=["en", "xx"]))
    assert found[1] == "languages[1]"
    assert "en (English), fr (Français)" in found[2]
    assert load_study(fields(tmp_path, languages=["fr-CA", "en"])).languages == ("fr-CA", "en")


def test_a_large_file_of_problems_is_read_whole(tmp_path: Path) -> None:
    file = written(tmp_path, SHORT + "practice:\n" + "  - {id: 5, query: 2030-02-31}\n" * 3000)
    assert len(problems(file)) == 1 + 3 * 3000  # too many, and each without a name, a query and a mixture
