"""The separator: a network, a query encoder and the engine that takes them over recordings of any length.

On a processor, convolutional networks take a whole recording in one pass of bounded memory (:mod:`lass.models.engine`).

Everything else cuts long recordings into overlapping windows. Windows start on the network's own grid, so that each
sees the same frames and pooling cells as one pass over everything would; only the middle of an overlap is cross-faded,
away from the window edges where context is missing.
"""

from collections.abc import Callable, Generator, Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from threading import Lock

import numpy as np
import torch

from lass.audio import check, resample
from lass.checkpoints.loading import Loaded, load_checkpoint
from lass.devices import choose
from lass.errors import Cancelled
from lass.models import ResUNet
from lass.models.engine import Engine, Guide
from lass.models.kernels import has_fast_bfloat16
from lass.queries import Query, check_query
from lass.queries.known import Understanding

# Durations in seconds. What an overlap has besides its fade is context, and dropped.
WINDOW = 10.24
OVERLAP = 1.92
FADE = 0.64
BATCH = {"cpu": 1, "cuda": 8}


@dataclass(frozen=True)
class Progress:
    """Pieces or windows done of all."""

    done: int
    total: int


@dataclass(frozen=True, eq=False)
class Separation:
    """A separated recording: ``target`` and ``residual`` have the input's shape and add up to it."""

    target: np.ndarray
    residual: np.ndarray
    sample_rate: int
    query: str
    model: str
    understanding: Understanding | None = None


Steps = Generator[Progress | Separation, None, None]


def finish(
    steps: Steps, progress: Callable[[int, int], None] | None, cancelled: Callable[[], bool] | None
) -> Separation:
    """Run a separation's steps to the end; see :meth:`Separator.separate` for the arguments.

    Raises:
        Cancelled: ``cancelled`` said so.
    """
    result: Separation | None = None
    with closing(steps):
        for step in steps:
            if isinstance(step, Separation):
                result = step
                continue
            if progress is not None:
                progress(step.done, step.total)
            if cancelled is not None and cancelled():
                raise Cancelled
    assert result is not None
    return result


class Separator:
    """Separates what a query describes from a recording. Holds nothing that belongs to a recording: share it freely.

    Args:
        checkpoint: the network, its encoder and what it says about itself.
        device: a torch device.
        fast: on a processor with bfloat16, work in that: nearly twice as fast, and a little less exact. It changes
            nothing for other architectures than ResUNet, on other processors, or on other devices.
    """

    def __init__(self, checkpoint: Loaded, device: str = "cpu", *, fast: bool = False) -> None:
        self._checkpoint = checkpoint
        self.name = checkpoint.name
        self.model = checkpoint.model.to(device).eval()
        self.encoder = checkpoint.encoder
        self.sample_rate = checkpoint.config.sample_rate
        self.device = torch.device(device)
        self.fast = fast
        self._engine: Engine | None = None
        self._making = Lock()
        self.known_sounds = checkpoint.known_sounds
        self.levels = checkpoint.levels
        # Samples from one cell of the network's coarsest grid to the next.
        cell = checkpoint.config.hop * checkpoint.config.stride[0]
        self.window = max(1, round(WINDOW * self.sample_rate / cell)) * cell
        self.overlap = max(1, round(OVERLAP * self.sample_rate / cell)) * cell

    @classmethod
    def load(
        cls,
        name_or_path: str | Path,
        *,
        device: str = "cpu",
        sample_rate: int | None = None,
        cache_dir: str | Path | None = None,
        fast: bool = False,
    ) -> "Separator":
        """See :func:`lass.load_separator`, and the class for ``fast``."""
        cache = None if cache_dir is None else Path(cache_dir)
        checkpoint = load_checkpoint(name_or_path, cache_dir=cache, sample_rate=sample_rate)
        return cls(checkpoint, choose(device), fast=fast)

    def separate(
        self,
        waveform: np.ndarray,
        sample_rate: int,
        query: str,
        *,
        progress: Callable[[int, int], None] | None = None,
        cancelled: Callable[[], bool] | None = None,
    ) -> Separation:
        """Separate a whole recording.

        Args:
            waveform: ``(channels, samples)`` or ``(samples,)``, full scale at 1.
            sample_rate: hertz.
            query: what to hear, in words.
            progress: called with windows done and windows in all, after each batch of windows.
            cancelled: asked after each batch of windows.

        Raises:
            AudioError: the waveform is empty, too short or not finite.
            QueryError: the query is empty or too long.
            Cancelled: ``cancelled`` said so.
        """
        return finish(self.steps(waveform, sample_rate, query), progress, cancelled)

    def steps(self, waveform: np.ndarray, sample_rate: int, query: str) -> Steps:
        """Separate step by step: a :class:`Progress` after each batch of windows, the :class:`Separation` last.

        Closing the iterator cancels. Arguments and errors are those of :meth:`separate`.
        """
        mixture = check(waveform, sample_rate)
        text = check_query(query)
        condition = self.encoder.encode([text])
        at_model_rate = resample(mixture, sample_rate, self.sample_rate)
        target_at_model_rate = np.zeros_like(at_model_rate)
        settled = self.settled(condition).to(self.device)
        for done, total in self._walk(at_model_rate, settled, target_at_model_rate):
            yield Progress(done, total)
        target = resample(target_at_model_rate, self.sample_rate, sample_rate)[:, : mixture.shape[1]]
        target = target.reshape(np.shape(waveform))
        yield Separation(
            target=target,
            residual=np.asarray(waveform, np.float32).reshape(target.shape) - target,
            sample_rate=sample_rate,
            query=text,
            model=self.name,
            understanding=self._nearest(condition),
        )

    def understand(self, query: str) -> Understanding | None:
        """The nearest sound the checkpoint knows; None when it does not list any. Raises QueryError."""
        return self._nearest(self.encoder.encode([check_query(query)]))

    def settled(self, query: Query) -> Query:
        """A query as the model is to get it: drawn towards the sounds the checkpoint knows, if it lists any."""
        return query if self.known_sounds is None else self.known_sounds.settle(query)

    def _nearest(self, condition: Query) -> Understanding | None:
        return None if self.known_sounds is None else self.known_sounds.nearest(condition)

    def at_precision(self, *, fast: bool) -> "Separator":
        """This separator, or one of the same weights that works in the other precision."""
        return self if fast == self.fast else Separator(self._checkpoint, str(self.device), fast=fast)

    def engine(self) -> Engine | None:
        """The network for inference, made when it is first asked for; None for those that work as they are."""
        if self.device.type != "cpu" or not isinstance(self.model, ResUNet):
            return None
        with self._making:
            if self._engine is None:
                self._engine = Engine(self.model, "fast" if self.fast and has_fast_bfloat16() else "float32")
            return self._engine

    def _walk(self, mixture: np.ndarray, query: Query, target: np.ndarray) -> Iterator[tuple[int, int]]:
        """Write the target of ``mixture (channels, samples)`` to ``target``, which holds zeros; tells how far it is.

        A level outside what training met is brought to the nearer edge for the model, and the target brought back.
        """
        engine = self.engine()
        if engine is None:
            return self._windows(mixture, target, lambda windows: self.model(windows, query.expand(len(windows))))
        guide = engine.guide(query)
        if engine.streams:
            return self._stream(engine, guide, mixture, target)
        return self._windows(mixture, target, lambda windows: engine.separate(windows, guide))

    def _stream(
        self, engine: Engine, guide: Guide, mixture: np.ndarray, target: np.ndarray
    ) -> Iterator[tuple[int, int]]:
        """One pass over everything, piece by piece."""
        gain, begin = self._gain(mixture), 0
        total = engine.steps(mixture.shape[1])
        # Torch does not share an array that may not be written to.
        at_level = mixture if gain == 1 and mixture.flags.writeable else mixture * gain
        for done, part in enumerate(engine.parts(torch.from_numpy(at_level), guide), start=1):
            np.divide(part.numpy(), gain, out=target[:, begin : begin + part.shape[1]])
            begin += part.shape[1]
            yield done, total

    def _windows(
        self, mixture: np.ndarray, target: np.ndarray, estimate: Callable[[torch.Tensor], torch.Tensor]
    ) -> Iterator[tuple[int, int]]:
        """Add the target of every window of ``mixture (channels, samples)`` to ``target``, cross-faded."""
        samples = mixture.shape[1]
        gain = self._gain(mixture)
        hop = self.window - self.overlap
        starts = range(0, max(1, samples - self.overlap), hop)
        batch = BATCH.get(self.device.type, 1)
        for first in range(0, len(starts), batch):
            chosen = starts[first : first + batch]
            # Only the last window can be shorter than the others.
            for group in _same_length(chosen, self.window, samples):
                windows = np.stack([mixture[:, start : start + self.window] for start in group]) * gain
                with torch.inference_mode():
                    parts = estimate(torch.from_numpy(windows).to(self.device)).float().cpu().numpy() / gain
                for start, part in zip(group, parts, strict=True):
                    weight = self._weight(part.shape[1], start > 0, start + self.window < samples)
                    target[:, start : start + part.shape[1]] += part * weight
            yield first + len(chosen), len(starts)

    def _weight(self, length: int, fade_in: bool, fade_out: bool) -> np.ndarray:
        """What a window counts for at each sample: 1, but for complementary fades in the middle of overlaps."""
        weight = np.ones(length, np.float32)
        fade = int(FADE * self.sample_rate)
        before = (self.overlap - fade) // 2
        ramp = np.sin(np.linspace(0, np.pi / 2, fade, dtype=np.float32)) ** 2
        if fade_in:
            weight[:before] = 0
            weight[before : before + fade] = ramp
        if fade_out:
            end = length - self.overlap + before
            weight[end : end + fade] = 1 - ramp
            weight[end + fade :] = 0
        return weight

    def _gain(self, mixture: np.ndarray) -> np.float32:
        """What brings the recording's level into the range that training met; 1 inside it."""
        if self.levels is None:
            return np.float32(1)
        level = 10 * np.log10(np.mean(np.square(mixture, dtype=np.float64)) + 1e-20)
        return np.float32(10 ** ((np.clip(level, *self.levels) - level) / 20))


def _same_length(starts: range, window: int, samples: int) -> list[list[int]]:
    whole = [start for start in starts if start + window <= samples]
    rest = [start for start in starts if start + window > samples]
    return [group for group in (whole, rest) if group]
