"""What the page sends: strict JSON, nothing unknown, nothing converted (a score of "5" or true is not 5)."""

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

Key = Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{16,64}$")]
Seconds = Annotated[float, Field(ge=0, le=1e7, allow_inf_nan=False)]
Position = Annotated[int, Field(ge=0, le=100_000)]


class Received(BaseModel):
    """What all bodies share."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class Begin(Received):
    """The participant begins. ``touch``: the screen is one to touch, which tells a tablet from a desktop."""

    language: str | None = Field(default=None, max_length=35)
    kiosk: bool = False
    key: Key
    touch: bool = False


class Consent(Received):
    """The participant agrees; there is nothing else to send."""

    agreed: bool


class Headphones(Received):
    """What the headphone check gave."""

    result: str = Field(max_length=20)


class Opened(Received):
    """A trial is on the page."""

    trial: Position


class Rate(Received):
    """The answers to one trial. Scores are checked with the participation, which says what is wrong in words."""

    trial: Position
    scores: dict[str, Any] = Field(max_length=20)
    key: Key
    plays: int = Field(ge=0, le=100_000)
    seconds_heard: Seconds
    mixture_heard: Seconds
    seconds_to_rate: Seconds


class Answers(Received):
    """The questionnaire."""

    answers: dict[str, Any] = Field(max_length=100)


class Finish(Received):
    """The participant is done."""


__all__ = ["Answers", "Begin", "Consent", "Finish", "Headphones", "Opened", "Rate", "Received"]
