"""What every page works with: recordings read, models run on a GPU if there is one, results in folders of their own."""

from __future__ import annotations

import contextlib
import logging
import shutil
import threading
import traceback
from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from lass.errors import AudioError, Cancelled, LassError
from lass.ui.machine import faults, gpu, memory, metrics
from lass.ui.machine.metrics import Metrics
from lass.ui.machine.requests_log import Request, kind_of
from lass.ui.machine.space import RESULT, Space
from lass.ui.work.line import Line
from lass.ui.work.shelf import IDLE_SECONDS, Shelf
from lass.ui.work.wish import Ticket

if TYPE_CHECKING:
    import numpy as np

    from lass.audio import Audio
    from lass.audio.isolated import Isolation
    from lass.separation import Progress, Separation

log = logging.getLogger(__name__)

__all__ = ["RESULT", "Limits", "Stage", "StoppingError", "Workbench", "until_called_off"]


class StoppingError(LassError):
    """Work that is not begun, or not finished, because the application ends."""

    def __init__(self) -> None:
        super().__init__("The application is being restarted; try again in a minute.")


@dataclass(frozen=True)
class Limits:
    """What a visitor may send, for how long it is kept, and how much disk it may take.

    Beyond ``most_bytes`` for all visitors' files together the oldest results go before their time.
    """

    max_seconds: float
    max_bytes: int
    keep_minutes: int
    most_result_bytes: int = 2_000_000_000
    most_bytes: int = 10_000_000_000


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
        decoders: what reads visitors' files; without them it is done in this process.
    """

    def __init__(self, shelf: Shelf, limits: Limits, scratch: Path, decoders: Isolation | None = None) -> None:
        self.shelf = shelf
        self.limits = limits
        self.scratch = scratch
        self.metrics = Metrics()
        self.line = Line()
        self.space = Space(
            scratch, keep_seconds=60 * limits.keep_minutes, most_result_bytes=limits.most_result_bytes,
            most_bytes=limits.most_bytes,
        )  # fmt: skip
        self._decoders = decoders
        self._running = 0
        self._changed = threading.Condition()
        self._closing = self._stopped = False
        self.device_lost = False
        """Whether the GPU failed for good."""
        self._borrowed_steps: Callable[..., Iterator[Any]] = gpu.borrowing(self._steps, _loan)

    def read(self, recording: str | Path) -> Audio:
        """A visitor's recording; raises :class:`lass.errors.AudioError`."""
        from lass import audio

        read = audio.read if self._decoders is None else self._decoders.read
        try:
            return read(recording, max_seconds=self.limits.max_seconds, max_bytes=self.limits.max_bytes)
        except AudioError as error:
            self.metrics.count(metrics.FAILURES, kind=kind_of(error))
            raise

    def separations(
        self, model: str, waveform: np.ndarray, sample_rate: int, queries: Sequence[str], about: str = ""
    ) -> Generator[Stage | Separation, None, None]:
        """One separation for each query, and stages over all of them in between. Closing the generator cancels.

        Raises :class:`lass.errors.LassError` for whatever the visitor can mend, :class:`StoppingError` when the
        application ends.
        """
        request = Request(self.metrics, self._known(model), len(queries) * waveform.shape[-1] / sample_rate)
        with self._counted():
            try:
                # Target and residual of each query, once as files and once in an archive.
                self.space.make(2 * (len(queries) + 1) * waveform.nbytes)
                yield from self._separations(model, waveform, sample_rate, queries, about)
            except BaseException as error:
                told = self._told(error)
                request.ended(told)
                if told is error:
                    raise
                raise told from None
            request.done()

    def _separations(
        self, model: str, waveform: np.ndarray, sample_rate: int, queries: Sequence[str], about: str
    ) -> Generator[Stage | Separation, None, None]:
        yield Stage("loading", about=about)
        if not gpu.present():
            self.shelf.separator(model)
        done = 0
        for step in self._borrowed_steps(model, waveform, sample_rate, tuple(queries)):
            if self._stopped:
                raise StoppingError
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
        with self.space.result() as folder:
            yield folder

    def tidy(self) -> None:
        """Remove visitors' files whose time is over, and models that nobody uses when memory is short."""
        self.space.tidy()
        if memory.is_short() and self.shelf.unload(idle_seconds=IDLE_SECONDS):
            memory.free()

    @property
    def running(self) -> int:
        """Separations under way."""
        return self._running

    @property
    def closing(self) -> bool:
        """Whether the application is about to end."""
        return self._closing

    def warm(self) -> None:
        """Get ready what reads visitors' files."""
        if self._decoders is not None:
            self._decoders.warm()

    def close(self, seconds: float) -> None:
        """Begin nothing more, and wait for what is under way; after so many seconds it stops at the next window."""
        with self._changed:
            self._closing = True
            self._changed.wait_for(lambda: not self._running, seconds)
            self._stopped = True
            self._changed.wait_for(lambda: not self._running, seconds)
        if self._decoders is not None:
            self._decoders.close()

    @contextlib.contextmanager
    def _counted(self) -> Iterator[None]:
        with self._changed:
            if self._closing:
                raise StoppingError
            self._running += 1
        try:
            yield
        finally:
            with self._changed:
                self._running -= 1
                self._changed.notify_all()

    def _told(self, error: BaseException) -> BaseException:
        """What is said of an error: of too little memory, once what can be freed is, and of a GPU that failed."""
        if faults.is_device_lost(error):
            log.error("The device that computes failed; only a restart brings it back.", exc_info=error)
            self.device_lost = True
            return faults.DeviceLostError()
        if not memory.is_out_of_memory(error):
            return error
        log.warning("A separation ran out of memory: %s.", type(error).__name__)
        traceback.clear_frames(error.__traceback__)  # they hold what did not fit
        self.shelf.unload()
        memory.free()
        return memory.MemoryShortError()

    def _known(self, model: str) -> str:
        """A model's name for logs and metrics: whatever a visitor makes up is no name of one."""
        return model if any(entry.name == model for entry in self.shelf.entries()) else "unknown"

    def _steps(
        self, model: str, waveform: np.ndarray, sample_rate: int, queries: tuple[str, ...]
    ) -> Iterator[Progress | Separation]:
        with self.shelf.using(model) as separator:
            for query in queries:
                yield from separator.steps(waveform, sample_rate, query)


def until_called_off(steps: Generator[Any, None, None], ticket: Ticket | None) -> Generator[Any, None, None]:
    """The steps of some work until its ticket is called off; then the work is closed and a result's files are removed.

    A result says by ``folder`` where its files lie, None before there are any. Gradio deletes in time what it has
    handed out; for what nobody was given there would be nobody to ask. Raises :class:`lass.errors.Cancelled`.
    """
    with contextlib.closing(steps):
        for step in steps:
            if ticket is not None and ticket.called_off:
                folder = getattr(step, "folder", None)
                if folder is not None:
                    shutil.rmtree(folder, ignore_errors=True)
                raise Cancelled
            yield step


def _loan(model: str, waveform: np.ndarray, sample_rate: int, queries: tuple[str, ...]) -> int:
    return gpu.loan_seconds(len(queries) * waveform.shape[-1] / sample_rate)
