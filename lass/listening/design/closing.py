"""Whether a study is open, and closing it by hand: from then on it takes no ratings, and its results are shown.

The study's file stays as the participants met it; the moment stands in a file of its own beside it. There is no way
back on the page: who has seen the means can no longer collect ratings that do not know them.
"""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

from lass.errors import LassError
from lass.files import whole
from lass.listening.design.study import Study

FILE = "closed.json"

State = Literal["not yet open", "open", "closed"]


class NotClosedError(LassError):
    """The results of a study were asked for that still takes ratings, or will."""

    def __init__(self, study: Study, state: State) -> None:
        super().__init__(
            f"The study {study.slug} is {state}, and its scores are not given before it is closed, so that nobody ends "
            f"it when they please; close it with `lass study close {study.slug}`, or export with --while-open."
        )


def state_of(study: Study, now: datetime | float) -> State:
    """Whether a study takes ratings at a time, and if not, whether it is still to open or is over."""
    if study.is_open(now):
        return "open"
    seconds = now.timestamp() if isinstance(now, datetime) else now
    return "closed" if study.closes is not None and seconds >= study.closes.timestamp() else "not yet open"


def require_closed(study: Study, now: datetime | float) -> None:
    """Refuse, with NotClosedError, what would tell the scores of a study that is not closed."""
    state = state_of(study, now)
    if state != "closed":
        raise NotClosedError(study, state)


def close(folder: Path, moment: datetime) -> None:
    """Close the built study in a folder; one that was closed before keeps its moment.

    Raises:
        LassError: the folder cannot be written to.
    """
    if closed_at(folder) is None:
        with whole(folder / FILE) as output:
            output.write(json.dumps({"closed": moment.astimezone(UTC).isoformat(timespec="seconds")}).encode())


def closed_at(folder: Path) -> datetime | None:
    """When the study in a folder was closed by hand; None where it was not.

    Raises:
        LassError: the file is there and says something else.
    """
    file = folder / FILE
    try:
        moment = datetime.fromisoformat(json.loads(file.read_text("utf-8"))["closed"])
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise LassError(f"{file} is damaged; write {{\"closed\": \"2030-01-31T12:00:00+00:00\"}} into it.") from error
    return moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)


def as_closed(study: Study, folder: Path) -> Study:
    """The study as it is served: closed at the moment of its file, or when it was closed by hand, whichever is first.

    Raises:
        LassError: the moment cannot be read.
    """
    moment = closed_at(folder)
    if moment is None or (study.closes is not None and study.closes <= moment):
        return study
    return study.model_copy(update={"closes": moment})
