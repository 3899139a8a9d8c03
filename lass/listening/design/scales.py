"""What is asked of a rater: questions with five labelled points each, and the presets a study can name."""

import re

from pydantic import Field, field_validator

from lass.listening.design.text import Frozen, Text

MOST_QUESTIONS = 6
_KEY = re.compile(r"[a-z][a-z0-9_]{0,31}")

Labels = tuple[Text, Text, Text, Text, Text]


class Question(Frozen):
    """One question: ``key`` names it in the results, ``labels`` say what 1 to 5 mean, in this order."""

    key: str
    text: Text
    labels: Labels

    @field_validator("key")
    @classmethod
    def _check_key(cls, key: str) -> str:
        if not _KEY.fullmatch(key):
            raise ValueError("must be of small letters, digits and underscores, and begin with a letter")
        return key


class Scale(Frozen):
    """The questions asked after every stimulus, and the name that results are reported under."""

    name: str = Field(default="own", min_length=1, max_length=60)
    questions: tuple[Question, ...] = Field(min_length=1, max_length=MOST_QUESTIONS)


def _question(key: str, english: str, french: str, *labels: tuple[str, str]) -> Question:
    one, two, three, four, five = (Text.of({"en": en, "fr": fr}) for en, fr in labels)
    return Question(key=key, text=Text.of({"en": english, "fr": french}), labels=(one, two, three, four, five))


_QUALITY = (("bad", "mauvaise"), ("poor", "médiocre"), ("fair", "passable"), ("good", "bonne"),
            ("excellent", "excellente"))  # fmt: skip

SEPARATION = Scale(
    name="separation",
    questions=(
        _question(
            "rating",
            "How well was the described sound separated?",
            "Dans quelle mesure le son décrit a-t-il été bien séparé ?",
            ("not at all", "pas du tout"),
            ("a little", "un peu"),
            ("moderately", "moyennement"),
            ("well", "bien"),
            ("perfect", "parfaitement"),
        ),
    ),
)
"""The one question of the thesis's form, from 1, not at all, to 5, perfect. It is not a scale of ITU-T P.800."""

ACR = Scale(
    name="acr",
    questions=(
        _question(
            "quality",
            "How do you judge the overall quality of the sound?",
            "Comment jugez-vous la qualité globale du son ?",
            *_QUALITY,
        ),
    ),
)
"""Absolute category rating with the five words of ITU-T P.800, as ITU-T P.808 uses them in tests over the network."""

REL_OVL = Scale(
    name="rel-ovl",
    questions=(
        _question(
            "rel",
            "How well does the sound match the description?",
            "Dans quelle mesure le son correspond-il à la description ?",
            ("not at all", "pas du tout"),
            ("poorly", "mal"),
            ("partly", "en partie"),
            ("well", "bien"),
            ("perfectly", "parfaitement"),
        ),
        _question(
            "ovl",
            "How good is the sound overall?",
            "Globalement, quelle est la qualité du son ?",
            *_QUALITY,
        ),
    ),
)
"""Relevance and overall quality, after the two questions that DCASE 2024 Task 9 asked; the wording and the labels are
ours."""

SIG_BAK_OVRL = Scale(
    name="sig-bak-ovrl",
    questions=(
        _question(
            "sig",
            "Attending only to the described sound: how distorted is it?",
            "En ne prêtant attention qu’au son décrit : à quel point est-il déformé ?",
            ("very distorted", "très déformé"),
            ("fairly distorted", "assez déformé"),
            ("somewhat distorted", "quelque peu déformé"),
            ("slightly distorted", "légèrement déformé"),
            ("not distorted", "pas déformé"),
        ),
        _question(
            "bak",
            "Attending only to everything else that can be heard: how intrusive is it?",
            "En ne prêtant attention qu’à ce que l’on entend d’autre : à quel point est-ce gênant ?",
            ("very intrusive", "très gênant"),
            ("somewhat intrusive", "assez gênant"),
            ("noticeable but not intrusive", "perceptible mais pas gênant"),
            ("slightly noticeable", "à peine perceptible"),
            ("not noticeable", "imperceptible"),
        ),
        _question(
            "ovrl",
            "How do you judge the overall quality of the sound?",
            "Comment jugez-vous la qualité globale du son ?",
            *_QUALITY,
        ),
    ),
)
"""The three ratings of ITU-T P.835, signal, background and overall, worded for sounds of every kind."""

PRESETS: dict[str, Scale] = {scale.name: scale for scale in (SEPARATION, ACR, REL_OVL, SIG_BAK_OVRL)}
"""The scales a study can name, by name."""

__all__ = ["PRESETS", "Question", "Scale"]
