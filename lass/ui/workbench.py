"""What every page works with: recordings read, models run on a GPU if there is one, results in folders of their own."""

from __future__ import annotations

import contextlib
import secrets
import shutil
import time
from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from lass.ui import gpu
from lass.ui.shelf import Shelf

if TYPE_CHECKING:
    import numpy as np

    from lass.audio import Audio
    from lass.separation import Progress, Separation

RESULT = "lass-"
"""How the name of a result's folder begins."""


@dataclass(frozen=True)
class Limits:
    """What a visitor may send, and for how long it is kept."""

    max_seconds: float
    max_bytes: int
    keep_minutes: int


@dataclass(frozen=True)
class Stage:
    """Where the work is: what it does now and, while separating, windows done of all.

    ``about`` names the part of a larger work, for instance the model or the file of several.
    """

    name: Literal["reading", "loading", "separating", "drawing"]
    done: int = 0
    total: int = 0
    about: str = ""


class Workbench:
    """Shared by everybody; holds nothing that belongs to a visitor.

    Args:
        shelf: the models.
        limits: what a visitor may send.
        scratch: where results go, each in a folder whose name cannot be guessed, for ``limits.keep_minutes``.
    """

    def __init__(self, shelf: Shelf, limits: Limits, scratch: Path) -> None:
        self.shelf = shelf
        self.limits = limits
        self.scratch = scratch
        self._borrowed_steps: Callable[..., Iterator[Any]] = gpu.borrowing(self._steps, _loan)

    def read(self, recording: str | Path) -> Audio:
        """A visitor's recording; raises :class:`lass.errors.AudioError`."""
        from lass import audio

        return audio.read(recording, max_seconds=self.limits.max_seconds, max_bytes=self.limits.max_bytes)

    def separations(
        self, model: str, waveform: np.ndarray, sample_rate: int, queries: Sequence[str], about: str = ""
    ) -> Generator[Stage | Separation, None, None]:
        """One separation for each query, and stages over all of them in between. Closing the generator cancels.

        Raises :class:`lass.errors.LassError` for whatever the visitor can mend.
        """
        yield Stage("loading", about=about)
        if not gpu.present():
            self.shelf.separator(model)
        done = 0
        for step in self._borrowed_steps(model, waveform, sample_rate, tuple(queries)):
            if hasattr(step, "target"):
                done += 1
                yield step
            else:
                yield Stage("separating", done * step.total + step.done, len(queries) * step.total, about)
        if done < len(queries):
            raise RuntimeError("the separator ended without a result")

    def device(self, model: str) -> str | None:
        """Where a model works; None for an ensemble, which has no place of its own."""
        device = getattr(self.shelf.separator(model), "device", None)
        return None if device is None else str(device)

    @contextlib.contextmanager
    def folder(self) -> Iterator[Path]:
        """A new folder for a result; it goes again when making the result fails."""
        folder = self.scratch / f"{RESULT}{secrets.token_hex(16)}"
        try:
            folder.mkdir(parents=True)
            yield folder
        except BaseException:
            shutil.rmtree(folder, ignore_errors=True)
            raise

    def tidy(self) -> None:
        """Remove result folders whose time is over: Gradio deletes files, but no folders, and none after a crash."""
        oldest = time.time() - 60 * self.limits.keep_minutes
        for folder in self.scratch.glob(f"{RESULT}*"):
            with contextlib.suppress(OSError):
                if folder.stat().st_mtime < oldest:
                    shutil.rmtree(folder, ignore_errors=True)

    def _steps(
        self, model: str, waveform: np.ndarray, sample_rate: int, queries: tuple[str, ...]
    ) -> Iterator[Progress | Separation]:
        separator = self.shelf.separator(model)
        for query in queries:
            yield from separator.steps(waveform, sample_rate, query)


def _loan(model: str, waveform: np.ndarray, sample_rate: int, queries: tuple[str, ...]) -> int:
    return gpu.loan_seconds(len(queries) * waveform.shape[-1] / sample_rate)
