"""A study's ratings, analysed: one object that the report, the results page and programs read.

What counts: the latest revision of every answer; practice never; traps and second hearings apart; hidden anchor and
hidden reference as systems of their own. A session that was not finished counts with what it rated: every accepted
rating is one. While a study is open there is progress and the widths of intervals, and no mean anywhere in the object:
who stops a study when the numbers please gets numbers that please.
"""

from __future__ import annotations

import platform
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Protocol

import numpy as np

from lass.listening.design.closing import state_of
from lass.listening.design.scales import Question
from lass.listening.design.study import Study
from lass.listening.ratings.records import RatingRecord, SessionRecord
from lass.listening.results.agreement import alpha, repeats
from lass.listening.results.comparing import compare, friedman
from lass.listening.results.findings import (
    BUILT_WITH,
    Analysis,
    Counts,
    QuestionResults,
    Results,
    Sample,
    System,
    Width,
)
from lass.listening.results.questionnaire import answers_of
from lass.listening.results.screening import Rater, screen, trap_question
from lass.listening.results.statistics import describe, describe_system
from lass.listening.results.words import FALLBACK, say
from lass.listening.stimuli.manifest import ROLES_RATED, Manifest, Stimulus
from lass.version import __version__

_CONTROLS = ("anchor", "reference", "trap")


class Ratings(Protocol):
    """What is read of a store."""

    def sessions(self, study_slug: str) -> list[SessionRecord]:
        """All sessions of a study."""

    def ratings(self, study_slug: str) -> list[RatingRecord]:
        """All revisions of all ratings of a study."""


class BuiltStudy(Protocol):
    """What is read of a built study."""

    @property
    def study(self) -> Study:
        """The study."""

    @property
    def manifest(self) -> Manifest:
        """Its manifest."""


@dataclass(frozen=True)
class Built:
    """A study and its manifest, for callers who have the two by themselves."""

    study: Study
    manifest: Manifest


@dataclass(frozen=True)
class _Answer:
    """The latest revision of one answer, with what it is an answer about."""

    rater: str
    trial: int
    stimulus: Stimulus
    question: str
    score: int
    second: bool
    """Whether the rater had heard this very sound in an earlier trial."""


def analyse(store: Ratings, built: BuiltStudy, now: datetime | float, language: str = FALLBACK) -> Analysis:
    """Analyse a study as it stands at a time: a date, or seconds since 1970. The texts are in a language."""
    study, manifest = built.study, built.manifest
    spoken = own_language(study, language)
    moment = now if isinstance(now, datetime) else datetime.fromtimestamp(now, UTC)
    sessions, records = store.sessions(study.slug), store.ratings(study.slug)
    names = {session.token: participant(session, language) for session in sessions}
    latest = _latest(record for record in records if record.session in names)
    answers = _answers(latest, manifest, names)
    counted = [answer for answer in answers if answer.stimulus.role in ROLES_RATED and not answer.second]
    full = _results(study, manifest, answers, language)
    state = state_of(study, moment)
    closed = state == "closed"
    raters = {answer.rater for answer in counted}
    own = [session for session in sessions if names[session.token] in raters]
    screening = screen(_raters(study, answers, records, own, names), study.screening, language) if closed else None
    return Analysis(
        slug=study.slug,
        title=study.title.in_language(spoken),
        scale=study.scale.name,
        language=language,
        state=state,
        analysed=moment.astimezone(UTC).isoformat(timespec="seconds"),
        opens=study.opens.isoformat() if study.opens else None,
        closes=study.closes.isoformat() if study.closes else None,
        built=manifest.built,
        study_sha256=study.sha256,
        manifest_sha256=manifest.study_sha256,
        versions=_versions(manifest),
        systems=_models(study, manifest, language),
        loudness=manifest.loudness,
        counts=_counts(study, sessions, latest, answers, len(raters)),
        widths=_widths(full),
        system_widths=_system_widths(full),
        results=full if closed else None,
        unflagged=_results(study, manifest, [one for one in answers if one.rater not in screening.flags], language)
        if screening is not None
        else None,
        screening=screening,
        questionnaire=answers_of(study, own, spoken) if closed else None,
    )


def participant(session: SessionRecord, language: str = FALLBACK) -> str:
    """What a session is called in tables: its place, from 1. The token stays out: whoever has it can go on rating."""
    return say(language, "participant", number=session.place + 1)


def title_of(study: Study, condition: str, role: str, language: str = FALLBACK) -> str:
    """What a system is called in tables."""
    if role in _CONTROLS:
        return say(language, f"system_{role}")
    titles = {one.id: one.title or one.id for one in study.conditions}
    title = titles.get(condition, condition)
    # Two systems of one title would be taken for one another.
    return title if list(titles.values()).count(title) < 2 else f"{title} ({condition})"


def own_language(study: Study, language: str) -> str:
    """The language of the study's own texts: the one asked for, where the study has it."""
    return language if language in study.languages else study.languages[0]


def _latest(records: Iterable[RatingRecord]) -> list[RatingRecord]:
    """The latest revision of every answer, in the order of sessions and trials."""
    latest: dict[tuple[str, int, str], RatingRecord] = {}
    for record in records:
        key = record.session, record.trial, record.question
        if key not in latest or record.revision > latest[key].revision:
            latest[key] = record
    return [latest[key] for key in sorted(latest)]


def _answers(latest: Sequence[RatingRecord], manifest: Manifest, names: Mapping[str, str]) -> list[_Answer]:
    """The answers about sounds of this manifest. A sound's first trial is the rating, a later one the repeat."""
    stimuli = {stimulus.id: stimulus for stimulus in manifest.stimuli}
    first: dict[tuple[str, str], int] = {}
    answers = []
    for record in latest:  # trials of a session in ascending order
        stimulus = stimuli.get(record.stimulus)
        if stimulus is None or stimulus.sha256 != record.stimulus_sha256:
            continue
        begun = first.setdefault((record.session, record.stimulus), record.trial)
        answers.append(
            _Answer(
                names[record.session], record.trial, stimulus, record.question, record.score, record.trial != begun
            )
        )
    return answers


def _results(study: Study, manifest: Manifest, answers: Sequence[_Answer], language: str) -> Results:
    counted = [answer for answer in answers if answer.stimulus.role in ROLES_RATED and not answer.second]
    return Results(
        raters=len({answer.rater for answer in counted}),
        ratings=len(counted),
        questions=tuple(
            _question(
                study, manifest, question, [answer for answer in answers if answer.question == question.key], language
            )
            for question in study.scale.questions
        ),
    )


def _question(
    study: Study, manifest: Manifest, question: Question, answers: Sequence[_Answer], language: str
) -> QuestionResults:
    spoken = own_language(study, language)
    first = [answer for answer in answers if not answer.second]
    scores: dict[str, dict[str, int]] = {}
    for answer in first:
        scores.setdefault(answer.stimulus.id, {})[answer.rater] = answer.score

    def samples(*roles: str) -> tuple[Sample, ...]:
        return tuple(
            Sample(
                item=one.item, query=one.query.in_language(spoken), system=one.condition,
                title=title_of(study, one.condition, one.role, language), role=one.role,
                votes=describe(list(scores.get(one.id, {}).values())),
            )
            for one in _ordered(study, manifest)
            if one.role in roles
        )  # fmt: skip

    systems = _systems(study, manifest, first, language)
    means = {system.title: _means(system, first) for system in systems}
    return QuestionResults(
        key=question.key,
        text=question.text.in_language(spoken),
        labels=tuple(label.in_language(spoken) for label in question.labels),
        samples=samples(*ROLES_RATED),
        systems=systems,
        pairs=compare(means),
        friedman=friedman(means),
        alpha=alpha(_table([scores.get(one.id, {}) for one in manifest.stimuli if one.role in ROLES_RATED])),
        repeats=repeats(_repeated(answers)),
        traps=samples("trap"),
    )


def _ordered(study: Study, manifest: Manifest) -> list[Stimulus]:
    """The stimuli as the study's file lists them: item by item, systems in order, reference and anchor last."""
    items = {item.id: place for place, item in enumerate((*study.items, *study.practice))}
    systems = {name: place for place, (name, _) in enumerate(_named(study, manifest))}
    return sorted(
        manifest.stimuli,
        key=lambda one: (
            items.get(one.item, len(items)), one.item, systems.get(one.condition, len(systems)), one.condition,
        ),
    )  # fmt: skip


def _named(study: Study, manifest: Manifest) -> list[tuple[str, str]]:
    """Condition and role of every system that the manifest has sounds of: the study's, then reference and anchor."""
    there = {(one.condition, one.role) for one in manifest.stimuli}
    listed = [(one.id, "system") for one in study.conditions if (one.id, "system") in there]
    others = sorted(pair for pair in there if pair[1] == "system" and pair not in listed)
    controls = [pair for role in ("reference", "anchor") for pair in sorted(there) if pair[1] == role]
    return [*listed, *others, *controls]


def _systems(study: Study, manifest: Manifest, answers: Sequence[_Answer], language: str) -> tuple[System, ...]:
    systems = []
    for condition, role in _named(study, manifest):
        own = [one for one in answers if (one.stimulus.condition, one.stimulus.role) == (condition, role)]
        systems.append(
            System(
                condition, title_of(study, condition, role, language), role,
                describe_system([one.score for one in own], [one.rater for one in own]),
            )
        )  # fmt: skip
    return tuple(systems)


def _means(system: System, answers: Sequence[_Answer]) -> dict[str, float]:
    """Rater -> mean score of the system."""
    scores: dict[str, list[int]] = {}
    for answer in answers:
        if (answer.stimulus.condition, answer.stimulus.role) == (system.id, system.role):
            scores.setdefault(answer.rater, []).append(answer.score)
    return {rater: sum(own) / len(own) for rater, own in scores.items()}


def _table(units: Sequence[Mapping[str, int]]) -> np.ndarray:
    """Scores `(raters, units)`, NaN where there is none."""
    raters = sorted({rater for unit in units for rater in unit})
    table = [[float(unit.get(rater, np.nan)) for unit in units] for rater in raters]
    return np.array(table, dtype=np.float64).reshape(len(raters), len(units))


def _repeated(answers: Sequence[_Answer]) -> list[tuple[str, int, int]]:
    """Rater, first score, second score, of every sound that a rater heard twice; controls and systems alike."""
    first = {(one.rater, one.stimulus.id): one.score for one in answers if not one.second}
    return [
        (one.rater, first[one.rater, one.stimulus.id], one.score)
        for one in answers
        if one.second and one.stimulus.role in ROLES_RATED and (one.rater, one.stimulus.id) in first
    ]


def _raters(
    study: Study, answers: Sequence[_Answer], records: Sequence[RatingRecord], sessions: Sequence[SessionRecord],
    names: Mapping[str, str],
) -> list[Rater]:  # fmt: skip
    """What screening looks at, for every session with a rating that counts."""
    trap = trap_question(study.scale)
    by_rater: dict[str, list[_Answer]] = {}
    for answer in answers:
        by_rater.setdefault(answer.rater, []).append(answer)
    first_times: dict[str, dict[int, float]] = {}
    for record in records:
        if record.revision == 1:
            first_times.setdefault(record.session, {})[record.trial] = record.seconds_to_rate
    raters = []
    for session in sessions:
        own = by_rater.get(names[session.token], [])
        times = first_times.get(session.token, {})
        lengths = {one.trial: one.stimulus.seconds for one in own if one.stimulus.role != "practice"}
        scores: dict[str, dict[str, int]] = {question.key: {} for question in study.scale.questions}
        for one in own:
            if one.stimulus.role in ROLES_RATED and not one.second and one.question in scores:
                scores[one.question][one.stimulus.id] = one.score
        raters.append(
            Rater(
                name=names[session.token],
                scores=scores,
                traps=[one.score for one in own if one.stimulus.role == "trap" and one.question == trap],
                times=[(times[trial], seconds) for trial, seconds in lengths.items() if trial in times],
                headphones=session.headphones,
                notes=session.flags,
            )
        )
    return raters


def _counts(
    study: Study, sessions: Sequence[SessionRecord], latest: Sequence[RatingRecord], answers: Sequence[_Answer],
    raters: int,
) -> Counts:  # fmt: skip
    roles = [("repeats" if one.second else one.stimulus.role) for one in answers]
    return Counts(
        begun=len(sessions),
        consented=sum(session.consented is not None for session in sessions),
        finished=sum(session.finished is not None for session in sessions),
        raters=raters,
        answers=len(latest),
        counted=sum(role in ROLES_RATED for role in roles),
        practice=roles.count("practice"),
        traps=roles.count("trap"),
        repeats=roles.count("repeats"),
        changed=sum(record.revision > 1 for record in latest),
        unknown=len(latest) - len(answers),
        other_studies=sum(session.study_sha256 != study.sha256 for session in sessions),
    )


def _widths(results: Results) -> tuple[Width, ...]:
    return tuple(
        Width(question.key, one.item, one.title, one.votes.n, one.votes.interval.width if one.votes.interval else None)
        for question in results.questions
        for one in question.samples
    )


def _system_widths(results: Results) -> tuple[Width, ...]:
    return tuple(
        Width(
            question.key, None, one.title, one.means.raters, one.means.interval.width if one.means.interval else None
        )
        for question in results.questions
        for one in question.systems
    )


def _versions(manifest: Manifest) -> dict[str, str]:
    import scipy

    return {
        "lass": __version__, BUILT_WITH: manifest.version, "numpy": np.__version__,
        "scipy": scipy.__version__, "python": platform.python_version(),
    }  # fmt: skip


def _models(study: Study, manifest: Manifest, language: str) -> dict[str, dict[str, str | None]]:
    """Title -> model and checkpoint of every system, as the manifest recorded them."""
    return {
        title_of(study, one.condition, one.role, language): {
            "model": one.model,
            "checkpoint_sha256": one.checkpoint_sha256,
        }
        for one in _ordered(study, manifest)
        if one.role in ROLES_RATED
    }
