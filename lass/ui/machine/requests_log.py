"""One line per separation: when, how long, how much audio, which model, how it ended. Nothing about the visitor.

Lines are JSON on the logger ``lass.requests``, level INFO; where they go and whether is the business of Python's
logging. A query, a file's name and an address never come here: the functions do not get them.
"""

from __future__ import annotations

import json
import logging
import logging.config
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from lass.errors import AudioError, Cancelled, LassError, ModelError, QueryError, SettingsError
from lass.ui.machine import metrics
from lass.ui.machine.faults import DeviceLostError
from lass.ui.machine.memory import MemoryShortError
from lass.ui.machine.metrics import Metrics
from lass.ui.machine.space import NoRoomError

REQUESTS_LOG = "lass.requests"
Outcome = Literal["done", "cancelled", "refused", "failed"]

log = logging.getLogger(REQUESTS_LOG)

_KINDS: tuple[tuple[type[BaseException], str], ...] = (
    (AudioError, "recording"), (QueryError, "query"), (ModelError, "model"), (MemoryShortError, "memory"),
    (NoRoomError, "disk"), (DeviceLostError, "device"), (LassError, "other"),
)  # fmt: skip


def kind_of(error: BaseException) -> str:
    """A failure as one word; ``fault`` is a fault of the program."""
    return next((kind for type_, kind in _KINDS if isinstance(error, type_)), "fault")


@dataclass
class Request:
    """One separation that was asked for.

    ``model`` is a name of the catalogue, ``audio_seconds`` the length of what is separated, once per description.
    """

    metrics: Metrics
    model: str
    audio_seconds: float
    _begun: float = field(default_factory=time.perf_counter)

    def done(self) -> None:
        """It ended well."""
        self.metrics.count(metrics.AUDIO_SECONDS, self.audio_seconds, model=self.model)
        self.metrics.took(time.perf_counter() - self._begun)
        self._end("done")

    def ended(self, error: BaseException) -> None:
        """It ended with an error, or because somebody cancelled it or left (GeneratorExit)."""
        if isinstance(error, Cancelled | GeneratorExit):
            self._end("cancelled")
            return
        kind = kind_of(error)
        self.metrics.count(metrics.FAILURES, kind=kind)
        self._end("failed" if kind in ("fault", "memory", "disk", "device", "other") else "refused", kind)

    def _end(self, outcome: Outcome, kind: str | None = None) -> None:
        taken = time.perf_counter() - self._begun
        self.metrics.count(metrics.REQUESTS, model=self.model, outcome=outcome)
        values = {
            "event": "separation",
            "time": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
            "seconds": round(taken, 3),
            "audio_seconds": round(self.audio_seconds, 3),
            "model": self.model,
            "outcome": outcome,
            "failure": kind,
        }
        log.info(json.dumps(values))


def configure(file: Path | None) -> None:
    """Set up Python's logging as a file of ``logging.config.dictConfig`` says, in JSON; existing loggers stay.

    Without a file the lines of this module go to the console, where nobody has said anything about them.

    Raises:
        SettingsError: the file is none of that kind.
    """
    if file is not None:
        try:
            values = json.loads(file.read_text(encoding="utf-8"))
            logging.config.dictConfig({"version": 1, "disable_existing_loggers": False, **values})
        except (OSError, ValueError, TypeError, AttributeError, ImportError) as error:
            reason = " ".join(str(error).split())[:120].rstrip(".")
            raise SettingsError(f"The logging file {file.name} cannot be used ({reason}); correct it.") from error
    elif log.level == logging.NOTSET and not log.handlers and not logging.getLogger().handlers:
        console = logging.StreamHandler()
        console.setFormatter(logging.Formatter("%(message)s"))
        log.addHandler(console)
        log.setLevel(logging.INFO)
        log.propagate = False
