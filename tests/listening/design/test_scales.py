"""The presets ask what they are named for, in both languages, with five labelled points."""

import pytest
from pydantic import ValidationError

from lass.listening.design.scales import PRESETS, Question, Scale
from lass.listening.design.text import Text


@pytest.mark.parametrize("scale", PRESETS.values(), ids=PRESETS)
def test_every_preset_is_whole_in_both_languages(scale: Scale) -> None:
    assert PRESETS[scale.name] is scale
    for question in scale.questions:
        for text in (question.text, *question.labels):
            assert set(text.languages) == {"en", "fr"}
        for language in ("en", "fr"):
            assert len({label.in_language(language) for label in question.labels}) == 5


def test_the_presets_ask_their_questions() -> None:
    keys = {name: [question.key for question in scale.questions] for name, scale in PRESETS.items()}
    assert keys == {
        "separation": ["rating"], "acr": ["quality"], "rel-ovl": ["rel", "ovl"], "sig-bak-ovrl": ["sig", "bak", "ovrl"],
    }  # fmt: skip
    (quality,) = PRESETS["acr"].questions
    assert [str(label) for label in quality.labels] == ["bad", "poor", "fair", "good", "excellent"]
    (rating,) = PRESETS["separation"].questions
    assert (str(rating.labels[0]), str(rating.labels[4])) == ("not at all", "perfect")


@pytest.mark.parametrize("key", ["", "Rel", "a b", "=1", "a" * 40])
def test_a_key_is_a_plain_name(key: str) -> None:
    label = Text.of("x")
    with pytest.raises(ValidationError):
        Question(key=key, text=label, labels=(label,) * 5)


def test_a_text_is_written_as_it_was_read() -> None:
    for written in ("hello", {"en": "hello", "fr": "bonjour"}):
        assert Text.of(written).model_dump() == written
        assert Text.of(Text.of(written).model_dump()) == Text.of(written)
