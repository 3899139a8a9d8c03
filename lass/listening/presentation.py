"""What a participant is shown of a study, as plain values: its words, its questions, its trials.

Nothing here tells systems, traps, repeats and hidden controls apart.
"""

from collections.abc import Sequence
from typing import Any

from lass.listening.design.study import Study
from lass.listening.design.text import Text
from lass.listening.hearing import Hearing
from lass.listening.stimuli.assignment import Trial
from lass.listening.studies import OpenStudy

HANDLING = 8.0
"""Seconds that a rating takes besides listening, for the duration that people are told when the study does not."""


def about(home: OpenStudy, trials: Sequence[Trial], language: str) -> dict[str, Any]:
    """A study's own words in a language, and how long it is for somebody with these trials."""
    study = home.study
    practice = sum(trial.kind == "practice" for trial in trials)
    return {
        "title": study.title.in_language(language),
        "welcome": study.welcome.in_language(language),
        "consent": study.consent.in_language(language) if study.consent else None,
        "minutes": minutes(home, trials),
        "minimum_heard": study.minimum_heard,
        "headphone_check": study.headphone_check,
        "practice": practice,
        "trials": len(trials) - practice,
        "questions": [
            {
                "key": question.key,
                "text": question.text.in_language(language),
                "labels": [label.in_language(language) for label in question.labels],
            }
            for question in study.scale.questions
        ],
        "questionnaire": [
            {
                "key": field.key,
                "label": field.label.in_language(language),
                "kind": field.kind,
                "choices": [
                    {"value": stored(study, choice), "label": choice.in_language(language)} for choice in field.choices
                ],
                "required": field.required,
            }
            for field in study.questionnaire
        ],
    }


def shown(home: OpenStudy, trial: Trial, hearing: Hearing, language: str) -> dict[str, Any]:
    """A trial as the page gets it: its sounds' names for this session, their seconds, and what was asked for."""
    stimulus = home.stimulus(trial.stimulus)
    mixture = home.manifest.mixtures[stimulus.mixture]
    return {
        "position": trial.position,
        "practice": trial.kind == "practice",
        "query": stimulus.query.in_language(language),
        "mixture": {"id": hearing.mixture(trial), "seconds": mixture.seconds},
        "sound": {"id": hearing.sound(trial), "seconds": stimulus.seconds},
    }


def minutes(home: OpenStudy, trials: Sequence[Trial]) -> int:
    """How many minutes people are told: the study's, or an estimate with both sounds once and one of them again."""
    if home.study.minutes is not None:
        return home.study.minutes
    sounds = [home.stimulus(trial.stimulus).seconds for trial in trials]
    return max(1, round(sum(3 * seconds + HANDLING for seconds in sounds) / 60))


def stored(study: Study, choice: Text) -> str:
    """What is saved for a choice: its words in the study's first language, whatever language it was read in."""
    return choice.in_language(study.languages[0])


__all__ = ["about", "minutes", "shown", "stored"]
