"""What one participant may do next, and whether what the browser claims can be true.

The page shows what it is told here. Nothing that leaves here says which system made a sound: trials are named by
their position, sounds by names of one session, and traps, repeats and hidden controls look like every other trial.
"""

import re
import time
from collections.abc import Callable, Mapping
from datetime import UTC
from pathlib import Path
from typing import Any, Literal

from lass.errors import LassError
from lass.listening.design.words import languages, say, words
from lass.listening.hearing import Hearing
from lass.listening.presentation import about, shown, stored
from lass.listening.ratings.records import (
    CLAIMED_TOO_MUCH,
    HEADPHONES,
    HIGHEST_SCORE,
    LOWEST_SCORE,
    RatingRecord,
    SessionRecord,
)
from lass.listening.ratings.store import Store
from lass.listening.stimuli.assignment import Trial
from lass.listening.studies import OpenStudy

Step = Literal["closed", "welcome", "consent", "volume", "practice", "trial", "questionnaire", "thanks"]

ROUNDING = 0.25
"""Seconds of a sound that a browser's rounding may lose before somebody is told to listen again."""
NETWORK = 0.5
"""Seconds by which the server's clock may have seen less than the browser's audio clock."""
DRIFT = 1.05
"""How much faster an audio clock may run than the server's."""
LONGEST_ANSWER = 2_000
"""Characters of an answer of the questionnaire."""

_NUMBER = re.compile(r"[+-]?\d{1,15}(\.\d{1,15})?")


class Refusal(LassError):
    """Something a participant may not do (now), in one sentence; ``status`` is its HTTP status."""

    def __init__(self, sentence: str, status: int = 409) -> None:
        super().__init__(sentence)
        self.status = status


class Participation:
    """One participant in one study: what comes next, and every step they take.

    ``session`` is None before the participant has begun. Methods raise Refusal, and StoreError when something could not
    be saved; then nothing is acknowledged, and the same call again is right.
    """

    def __init__(
        self,
        open_study: OpenStudy,
        store: Store,
        session: SessionRecord | None,
        *,
        language: str | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._home = open_study
        self._study = open_study.study
        self._store = store
        self._clock = clock
        self._latest: dict[tuple[int, str], RatingRecord] | None = None
        self.outdated = False
        if session is not None and session.study != self._study.slug:
            session = None
        self.session = session
        if session is not None and not self._fits(session):
            self.session, self.outdated = None, True
        # Before a session begins the reader chooses the language; from then on it stays.
        wanted = self.session.language if self.session else language
        self.language = wanted if wanted in self._study.languages else self._study.languages[0]

    # --- What the page shows --------------------------------------------------------------------------------------

    def state(self) -> dict[str, Any]:
        """Everything the page needs: what comes next, the study's and the page's words, the trials, the answers."""
        whole = {
            **self.progress(),
            "notice": self._notice(),
            "words": words(self.language),
            "language": self.language,
            "languages": [[code, languages().get(code, code)] for code in self._study.languages],
            "study": about(self._home, self._dealt, self.language),
        }
        if self.session is not None:
            hearing = Hearing(self._home, self.session.token, self._trials)
            whole["trials"] = [shown(self._home, trial, hearing, self.language) for trial in self._trials]
        return whole

    def progress(self) -> dict[str, Any]:
        """What changes from step to step: the step, and what the server has of this session (None without one)."""
        session = self.session
        if session is None:
            return {"step": self.step, "session": None}
        done = session.finished is not None
        return {
            "step": self.step,
            "session": {
                "answers": self._scores,
                "next": self._next,
                "consented": session.consented is not None,
                "headphones": session.headphones,
                "questionnaire": dict(session.answers),
                "code": session.code if done else None,
                "return_url": self._study.return_url if done else None,
                "reference": session.token if done else None,
            },
        }

    @property
    def step(self) -> Step:
        """What comes next. The volume step and the headphone check belong together: both come before any rating."""
        session = self.session
        if session is not None and session.finished is not None:
            return "thanks"
        if not self._study.is_open(self._clock()):
            return "closed"
        if session is None:
            return "welcome"
        if self._study.consent is not None and session.consented is None:
            return "consent"
        if self._next is None:
            return "questionnaire"
        if not self._scores and not (self._study.headphone_check and session.headphones):
            return "volume"
        return "practice" if self._trials[self._next].kind == "practice" else "trial"

    # --- What a participant does ----------------------------------------------------------------------------------

    def begin(self, agent_class: str, kiosk: bool, key: str) -> SessionRecord:
        """Begin a session; the same key again gives the same one."""
        if self.session is None:
            self._must_be_open()
            study = self._study
            self.session = self._store.begin(
                study.slug, study.sha256, study.seed, self.language, agent_class, kiosk, key=key
            )
            self.outdated = False
        return self.session

    def consent(self) -> None:
        """The participant agrees to what the study's consent says."""
        session = self._going_on()
        if session.consented is None:
            self.session = self._store.update(session.token, consented=self._clock())

    def headphones(self, result: str) -> None:
        """What the headphone check gave: passed, failed or skipped. It keeps nobody out; the analysis sees it."""
        session = self._going_on()
        if result not in HEADPHONES:
            raise self._refusal("refused_request", 422)
        self.session = self._store.update(session.token, headphones=result)

    def opened(self, position: int) -> None:
        """A trial is on the page: from now on its sounds can have been heard."""
        session = self._rating()
        self._reachable(position)
        self._store.opened(session.token, position, self._clock())

    def rate(
        self,
        position: int,
        scores: Mapping[str, Any],
        key: str,
        plays: int,
        seconds_heard: float,
        mixture_heard: float,
        seconds_to_rate: float,
    ) -> None:
        """Save the answers to a trial's questions, after checking that they can be.

        Args:
            position: which trial of this session.
            scores: question key -> 1 to 5, whole, for every question of the study.
            key: made by the browser, once per answer; the same key again saves nothing new.
            plays: how often the stimulus was started.
            seconds_heard: seconds of the stimulus heard at least once.
            mixture_heard: the same for its mixture, wanted once for each mixture.
            seconds_to_rate: from the trial's appearance to the answer, by the browser's clock.
        """
        session = self._rating()
        trial = self._reachable(position)
        checked = self._checked(scores)
        stimulus = self._home.stimulus(trial.stimulus)
        now = self._clock()
        elapsed = now - self._since(session, position, now)
        heard = min(seconds_heard, stimulus.seconds)
        if not any(answered == position for answered, _ in self._answers):
            self._must_have_heard(position, plays, heard, mixture_heard, elapsed)
        to_rate = min(seconds_to_rate, elapsed * DRIFT + NETWORK) if elapsed >= 0 else seconds_to_rate
        saved = self._store.rate(
            session.token, position, stimulus.id, stimulus.sha256, checked, key, plays, heard, to_rate
        )
        self._latest = None
        if any(saved[question].score != score for question, score in checked.items()):
            raise self._refusal("refused_saved")

    def answer(self, answers: Mapping[str, Any]) -> None:
        """Save the questionnaire: {field key: text}; fields left empty may be missing."""
        session = self._rating()
        self.session = self._store.update(session.token, answers=self._checked_fields(answers))

    def finish(self) -> None:
        """The participant is done: everything is answered, and the completion code is theirs."""
        if self.session is not None and self.session.finished is not None:
            return
        session = self._rating()
        if self._next is not None:
            raise self._refusal("refused_unfinished")
        self._checked_fields(session.answers)
        self.session = self._store.update(session.token, finished=self._clock(), code=self._study.completion_code)

    def sound(self, name: str) -> tuple[Path, str]:
        """The file of one of this session's sounds, by the name that the page was given, and its SHA-256."""
        try:
            return Hearing(self._home, self.session.token if self.session else "", self._trials).file(name)
        except KeyError:
            raise self._refusal("refused_sound", 404) from None

    # --- Checks ---------------------------------------------------------------------------------------------------

    def _refusal(self, key: str, status: int = 409, **values: Any) -> Refusal:
        return Refusal(say(self.language, key, **values), status)

    def _unheard(self, name: str, seconds: float) -> Refusal:
        """Which sound was not heard, and how much of it, as the page says it too."""
        part = say(self.language, "missing_part", name=say(self.language, name), count=max(1, round(seconds)))
        return Refusal(f"{say(self.language, 'listen_first')} {part}", 422)

    def _must_be_open(self) -> None:
        if not self._study.is_open(self._clock()):
            raise Refusal(". ".join(self._notice() or []), 403)

    def _going_on(self) -> SessionRecord:
        """The session, when it may still do something."""
        if self.session is None:
            raise self._refusal("refused_session", 401)
        if self.session.finished is not None:
            raise self._refusal("refused_finished")
        self._must_be_open()
        return self.session

    def _rating(self) -> SessionRecord:
        session = self._going_on()
        if self._study.consent is not None and session.consented is None:
            raise self._refusal("refused_consent")
        return session

    def _reachable(self, position: int) -> Trial:
        """One of this session's trials that is answered already or comes next."""
        if not 0 <= position < len(self._trials):
            raise self._refusal("refused_trial", 404)
        if self._next is not None and position > self._next:
            raise self._refusal("refused_order")
        return self._trials[position]

    def _checked(self, scores: Mapping[str, Any]) -> dict[str, int]:
        questions = {question.key for question in self._study.scale.questions}
        if scores.keys() != questions:
            raise self._refusal("refused_questions", 422)
        for score in scores.values():
            if type(score) is not int or not LOWEST_SCORE <= score <= HIGHEST_SCORE:
                raise self._refusal("refused_score", 422)
        return dict(scores)

    def _must_have_heard(self, position: int, plays: int, heard: float, mixture_heard: float, elapsed: float) -> None:
        """Refuse what was not listened to: too little of it, or more than there was time for."""
        stimulus = self._home.stimulus(self._trials[position].stimulus)
        mixture = self._home.manifest.mixtures[stimulus.mixture]
        share = self._study.minimum_heard
        missing = share * stimulus.seconds - heard
        if missing > ROUNDING or (plays < 1 and share > 0):
            raise self._unheard("sound", missing)
        wanted = heard
        if not self._heard_before(stimulus.mixture, position):
            missing = share * mixture.seconds - mixture_heard
            if missing > ROUNDING:
                raise self._unheard("mixture", missing)
            wanted += min(mixture_heard, share * mixture.seconds)
        # A clock that was set back proves nothing; one that ran shows the most that can have been heard.
        missing = wanted - (elapsed * DRIFT + NETWORK)
        if missing > 0 and elapsed >= 0 and share > 0:
            self._flag(CLAIMED_TOO_MUCH)
            raise self._refusal("too_fast", 422, count=max(1, round(missing)))

    def _flag(self, flag: str) -> None:
        """Note something about the session for the screening of raters."""
        if self.session is not None and flag not in self.session.flags:
            self.session = self._store.update(self.session.token, flags=(*self.session.flags, flag))

    def _since(self, session: SessionRecord, position: int, now: float) -> float:
        """When a trial's sounds can first have been heard (Unix seconds).

        The first one's is on record. A later one goes out with the first answer to the one before, and a change of
        that answer does not alter when that was.
        """
        if position == 0:
            return self._store.opened(session.token, position, now)
        before = self._store.first_answered(session.token, position - 1)
        return session.created if before is None else before

    def _heard_before(self, mixture: str, position: int) -> bool:
        """Whether this mixture was heard with another trial that is answered."""
        answered = {trial for trial, _ in self._answers} - {position}
        return any(self._home.stimulus(self._trials[trial].stimulus).mixture == mixture for trial in answered)

    def _checked_fields(self, answers: Mapping[str, Any]) -> dict[str, str]:
        fields = {field.key: field for field in self._study.questionnaire}
        if not answers.keys() <= fields.keys():
            raise self._refusal("refused_questions", 422)
        checked = {}
        for key, field in fields.items():
            value = answers.get(key, "")
            if not isinstance(value, str) or len(value) > LONGEST_ANSWER:
                raise self._refusal("refused_long", 422, count=LONGEST_ANSWER)
            value = value.strip()
            if not value:
                if field.required:
                    raise self._refusal("refused_empty", 422)
                continue
            if field.kind == "number" and not _NUMBER.fullmatch(value):
                raise self._refusal("field_number", 422)
            if field.kind == "choice" and value not in {stored(self._study, choice) for choice in field.choices}:
                raise self._refusal("refused_choice", 422)
            checked[key] = value
        return checked

    # --- Parts of the state ---------------------------------------------------------------------------------------

    @property
    def _trials(self) -> tuple[Trial, ...]:
        return self._home.trials(self.session.place) if self.session else ()

    @property
    def _dealt(self) -> tuple[Trial, ...]:
        """This session's trials, or those that the first participant gets: for what the welcome promises."""
        return self._trials or self._home.trials(0)

    @property
    def _answers(self) -> dict[tuple[int, str], RatingRecord]:
        if self._latest is None:
            self._latest = self._store.latest(self.session.token) if self.session else {}
        return self._latest

    @property
    def _scores(self) -> dict[int, dict[str, int]]:
        """The newest scores of the trials whose every question is answered."""
        questions = [question.key for question in self._study.scale.questions]
        whole = {}
        for position in range(len(self._trials)):
            scores = {key: self._answers[position, key].score for key in questions if (position, key) in self._answers}
            if len(scores) == len(questions):
                whole[position] = scores
        return whole

    @property
    def _next(self) -> int | None:
        scores = self._scores
        return next((position for position in range(len(self._trials)) if position not in scores), None)

    def _fits(self, session: SessionRecord) -> bool:
        """Whether a session can go on with the study as it is now: all it rated stands where it stood."""
        if session.study_sha256 == self._study.sha256 or session.finished is not None:
            return True
        trials = self._home.trials(session.place)
        rated = self._store.latest(session.token)
        return all(trial < len(trials) and trials[trial].stimulus == one.stimulus for (trial, _), one in rated.items())

    def _notice(self) -> list[str] | None:
        """What stands in the way, as a title and a text; None where nothing does."""
        study, now = self._study, self._clock()
        if study.is_open(now):
            return [say(self.language, "study_changed"), ""] if self.outdated else None
        if study.opens is not None and now < study.opens.timestamp():
            date = study.opens.astimezone(UTC).strftime("%Y-%m-%d, %H:%M UTC")
            return [say(self.language, "not_open_title"), say(self.language, "not_open_text", date=date)]
        return [say(self.language, "closed_title"), say(self.language, "closed_text")]


__all__ = ["Participation", "Refusal", "Step"]
