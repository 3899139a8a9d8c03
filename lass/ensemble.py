"""Several models as one: the mean of their targets (submission 4 of the DPRNN report, DCASE 2024 task 9)."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from lass.checkpoints import catalogue
from lass.models.engine import Precision
from lass.queries.known import Understanding
from lass.separation import Progress, Separation, Separator, Steps, Stream, Streamed, finish
from lass.waveforms import Computed, Scratch, Waveform, difference


class Ensemble:
    """Separators that all hear the recording, each at its own sample rate; the target is the mean of theirs.

    It has the methods of a :class:`~lass.separation.Separator`, but no single ``model`` or ``encoder``.
    """

    def __init__(self, name: str, members: Sequence[Separator]) -> None:
        self.name = name
        self.members = tuple(members)
        self.sample_rate = max(member.sample_rate for member in members)

    def separate(
        self,
        waveform: np.ndarray,
        sample_rate: int,
        query: str,
        *,
        progress: Callable[[int, int], None] | None = None,
        cancelled: Callable[[], bool] | None = None,
    ) -> Separation:
        """See :meth:`lass.separation.Separator.separate`."""
        return finish(self.steps(waveform, sample_rate, query), progress, cancelled)

    def steps(self, waveform: np.ndarray, sample_rate: int, query: str) -> Steps:
        """See :meth:`lass.separation.Separator.steps`; the members work one after the other."""
        recording = np.asarray(waveform, np.float32)
        total = np.zeros(recording.shape, np.float32)
        for number, member in enumerate(self.members):
            for step in member.steps(waveform, sample_rate, query):
                if isinstance(step, Separation):
                    total += step.target
                    last = step
                else:
                    yield self._progress(number, step)
        target = total / np.float32(len(self.members))
        yield replace(last, target=target, residual=recording - target, model=self.name)

    def stream(self, waveform: Waveform, sample_rate: int, query: str, scratch: Scratch) -> Stream:
        """See :meth:`lass.separation.Separator.stream`."""
        found: list[Streamed] = []
        for number, member in enumerate(self.members):
            for step in member.stream(waveform, sample_rate, query, scratch):
                if isinstance(step, Streamed):
                    found.append(step)
                else:
                    yield self._progress(number, step)

        def mean(first: int, last: int) -> np.ndarray:
            parts = [one.target[..., first:last] for one in found]
            return np.sum(parts, axis=0, dtype=np.float32) / np.float32(len(parts))

        target = Computed(waveform.shape, mean)
        yield replace(found[-1], target=target, residual=difference(waveform, target), model=self.name)

    def _progress(self, number: int, step: Progress) -> Progress:
        """A member's progress as that of all; one at another rate may cut the recording differently."""
        return Progress(number * step.total + step.done, len(self.members) * step.total)

    def understand(self, query: str) -> Understanding | None:
        """What the first member says of a query."""
        return self.members[0].understand(query)


def load(
    name_or_path: str | Path, *, device: str, sample_rate: int | None, cache_dir: str | Path | None,
    precision: Precision = "float32",
) -> Separator | Ensemble:  # fmt: skip
    """A separator, or an ensemble where the catalogue's entry of that name is one; see :func:`lass.load_separator`."""

    def one(name_or_path: str | Path) -> Separator:
        return Separator.load(
            name_or_path, device=device, sample_rate=sample_rate, cache_dir=cache_dir, precision=precision
        )

    entry = next((entry for entry in catalogue.ENSEMBLES if entry.name == str(name_or_path)), None)
    return one(name_or_path) if entry is None else Ensemble(entry.name, [one(member) for member in entry.members])
