"""What the store of a listening test takes and gives: sessions, ratings, and the error when nothing could be saved.

Nothing here says who a participant is: a session is a random token, and no address of a network is kept anywhere.
"""

import hashlib
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from lass.errors import LassError

AGENT_CLASSES = ("phone", "tablet", "desktop", "other")
HEADPHONES = ("passed", "failed", "skipped")
CLAIMED_TOO_MUCH = "an answer claimed too much listening"
FLAGS = (CLAIMED_TOO_MUCH,)
"""What the server may note of a session while the test runs, for the screening of raters."""
LOWEST_SCORE, HIGHEST_SCORE = 1, 5
LARGEST = 2**31 - 1  # of a whole number in a column of both databases
# What `Store.update` may change of a session.
CHANGEABLE = frozenset({"consented", "headphones", "finished", "code", "answers", "language", "flags"})


def reference(token: str) -> str:
    """What stands for a session where others read it, an export for one: nobody can go on with the session by it."""
    return hashlib.sha256(token.encode("utf-8", "replace")).hexdigest()[:16]


class StoreError(LassError):
    """Something could not be saved or read; what was to be saved is not acknowledged."""


class UnknownSessionError(StoreError):
    """There is no such session, or its data were deleted."""

    def __init__(self) -> None:
        super().__init__("This session is not known here, or its data were deleted; open the study's link again.")


@dataclass(frozen=True)
class SessionRecord:
    """One participant's way through one study."""

    token: str
    """128 random bits, safe in a URL: whoever has it may go on with the session."""
    study: str
    """The study's slug."""
    study_sha256: str
    place: int
    """0, 1, 2 … in this study; decides which trials the participant gets, and stays from the first of them on."""
    seed: int
    """The study's seed, as it was when the session began."""
    language: str
    agent_class: str
    """One of AGENT_CLASSES."""
    kiosk: bool
    created: float
    """Unix time in seconds, like every time here."""
    consented: float | None = None
    headphones: str | None = None
    """One of HEADPHONES, or None before the check."""
    finished: float | None = None
    code: str | None = None
    """The completion code that the participant was shown."""
    answers: Mapping[str, str] = field(default_factory=dict)
    """The questionnaire."""
    flags: tuple[str, ...] = ()
    """Of FLAGS: reasons for which an analysis may leave the session out."""

    def as_dict(self) -> dict[str, Any]:
        """The record as plain values that JSON knows."""
        return {**asdict(self), "answers": dict(self.answers), "flags": list(self.flags)}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> "SessionRecord":
        """The inverse of `as_dict`; raises KeyError or TypeError for values of another shape."""
        return cls(
            token=str(values["token"]), study=str(values["study"]), study_sha256=str(values["study_sha256"]),
            place=int(values["place"]), seed=int(values["seed"]), language=str(values["language"]),
            agent_class=str(values["agent_class"]), kiosk=bool(values["kiosk"]), created=float(values["created"]),
            consented=values["consented"], headphones=values["headphones"], finished=values["finished"],
            code=values["code"], answers=dict(values["answers"]), flags=tuple(values["flags"]),
        )  # fmt: skip


@dataclass(frozen=True)
class RatingRecord:
    """One answer to one question about one stimulus, once."""

    session: str
    """The session's token."""
    trial: int
    """The trial's position in this session, from 0."""
    stimulus: str
    stimulus_sha256: str
    question: str
    """The question's key."""
    score: int
    """1 to 5."""
    revision: int
    """1 is the first answer; a changed answer is a further revision and overwrites nothing."""
    key: str
    """Made by the participant's browser, once per answer: the same key again is the same answer again."""
    plays: int
    seconds_heard: float
    seconds_to_rate: float
    created: float

    def as_dict(self) -> dict[str, Any]:
        """The record as plain values that JSON knows."""
        return asdict(self)

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> "RatingRecord":
        """The inverse of `as_dict`; raises KeyError, ValueError or TypeError for values of another shape."""
        return cls(
            session=str(values["session"]), trial=int(values["trial"]), stimulus=str(values["stimulus"]),
            stimulus_sha256=str(values["stimulus_sha256"]), question=str(values["question"]),
            score=int(values["score"]), revision=int(values["revision"]), key=str(values["key"]),
            plays=int(values["plays"]), seconds_heard=float(values["seconds_heard"]),
            seconds_to_rate=float(values["seconds_to_rate"]), created=float(values["created"]),
        )  # fmt: skip


def check_whole(name: str, number: int, lowest: int = 0, highest: int = LARGEST) -> None:
    """Refuses, with StoreError, what is no whole number within the limits."""
    if type(number) is not int or not lowest <= number <= highest:  # True is an int, and no answer
        raise StoreError(
            f"This answer cannot be saved, because its {name} is no whole number from {lowest} to {highest}; "
            "load the page again."
        )


def check_answers(trial: int, scores: Mapping[str, int], plays: int, **seconds: float) -> None:
    """Refuses, with StoreError, answers that no column holds: a trial's scores by question, and durations by name."""
    check_whole("trial", trial)
    check_whole("plays", plays)
    for score in scores.values():
        check_whole("score", score, LOWEST_SCORE, HIGHEST_SCORE)
    for name, duration in seconds.items():
        if not math.isfinite(duration):
            raise StoreError(f"This answer cannot be saved, because its {name} is no number; load the page again.")


def plain(words: str) -> str:
    """A text that both databases and the journal can hold: without NUL, and without halves of characters."""
    return words.replace("\0", "").encode("utf-8", "replace").decode("utf-8")
