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
from typing import Generic, Protocol, TypeVar, get_args

import numpy as np
import torch

from lass.audio import check, resample, resampled
from lass.checkpoints.loading import Loaded, load_checkpoint
from lass.devices import choose
from lass.errors import Cancelled, SettingsError
from lass.models import ResUNet
from lass.models.engine import Engine, Guide, Precision
from lass.models.kernels import has_fast_bfloat16
from lass.presence import excerpts, share
from lass.queries import Query, check_query
from lass.queries.known import Heard, Understanding
from lass.waveforms import Computed, Scratch, Spool, Waveform, cut, difference, mean_square

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


W_co = TypeVar("W_co", bound=Waveform, covariant=True)


@dataclass(frozen=True, eq=False)
class Separated(Generic[W_co]):
    """A separated recording: ``target`` and ``residual`` have the input's shape and add up to it."""

    target: W_co
    residual: W_co
    sample_rate: int
    query: str
    model: str
    understanding: Understanding | None = None


@dataclass(frozen=True, eq=False)
class Separation(Separated[np.ndarray]):
    """A separated recording in memory."""

    target: np.ndarray
    residual: np.ndarray


@dataclass(frozen=True, eq=False)
class Streamed(Separated[Waveform]):
    """A separated recording on disk."""

    target: Waveform
    residual: Waveform


Steps = Generator[Progress | Separation, None, None]
Stream = Generator[Progress | Streamed, None, None]
Result = TypeVar("Result")


class Separates(Protocol):
    """What stems and regions need of a separator; a Separator and an Ensemble have it."""

    def steps(self, waveform: np.ndarray, sample_rate: int, query: str) -> Steps:
        """Progress, and the separation last."""


class Streams(Protocol):
    """The same for recordings on disk."""

    def stream(self, waveform: Waveform, sample_rate: int, query: str, scratch: Scratch) -> Stream:
        """Progress, and the separation last."""


def finish(
    steps: Generator[Progress | Result, None, None],
    progress: Callable[[int, int], None] | None,
    cancelled: Callable[[], bool] | None = None,
) -> Result:
    """Run steps to the end, and give what comes last; see :meth:`Separator.separate` for the arguments.

    Raises:
        Cancelled: ``cancelled`` said so.
    """
    result: list[Result] = []
    with closing(steps):
        for step in steps:
            if not isinstance(step, Progress):
                result.append(step)
                continue
            if progress is not None:
                progress(step.done, step.total)
            if cancelled is not None and cancelled():
                raise Cancelled
    return result[0]


class Separator:
    """Separates what a query describes from a recording. Holds nothing that belongs to a recording: share it freely.

    Args:
        checkpoint: the network, its encoder and what it says about itself.
        device: a torch device.
        precision: ``fast`` works in bfloat16 on a processor that has it: nearly twice as fast, and a little less
            exact. It changes nothing for other architectures than ResUNet, on other processors, or on other devices.

    Raises:
        SettingsError: there is no such precision.
    """

    def __init__(self, checkpoint: Loaded, device: str = "cpu", *, precision: Precision = "float32") -> None:
        if precision not in get_args(Precision):
            raise SettingsError(f"There is no precision {precision!r}; choose {' or '.join(get_args(Precision))}.")
        self._checkpoint = checkpoint
        self.name = checkpoint.name
        self.model = checkpoint.model.to(device).eval()
        self.encoder = checkpoint.encoder
        self.sample_rate = checkpoint.config.sample_rate
        self.device = torch.device(device)
        self.precision = precision
        self._engine: Engine | None = None
        self._making = Lock()
        self.known_sounds = checkpoint.known_sounds
        self.levels = checkpoint.levels
        # A known sound has a vector, but no words that a network could look at one by one.
        self._asked_by_sentence = getattr(checkpoint.config, "listening", "pooled") == "pooled"
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
        precision: Precision = "float32",
    ) -> "Separator":
        """See :func:`lass.load_separator`."""
        cache = None if cache_dir is None else Path(cache_dir)
        checkpoint = load_checkpoint(name_or_path, cache_dir=cache, sample_rate=sample_rate)
        return cls(checkpoint, choose(device), precision=precision)

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
            progress: called with windows done and windows in all, after each batch of windows, and before the first
                after each sound that was listened for.
            cancelled: asked whenever progress is told.

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
        understanding = yield from self._walk(at_model_rate, condition, target_at_model_rate)
        target = resample(target_at_model_rate, self.sample_rate, sample_rate)[:, : mixture.shape[1]]
        target = target.reshape(np.shape(waveform))
        yield Separation(
            target=target,
            residual=np.asarray(waveform, np.float32).reshape(target.shape) - target,
            sample_rate=sample_rate,
            query=text,
            model=self.name,
            understanding=understanding,
        )

    def stream(self, waveform: Waveform, sample_rate: int, query: str, scratch: Scratch) -> Stream:
        """The same of a recording that is not in memory, ``(channels, samples)``, from disk to disk.

        Memory does not grow with the recording's length. The recording is one that :func:`lass.audio.spool` gave, or
        a part of it; the result lasts as long as ``scratch``.

        Raises:
            QueryError: the query is empty or too long.
            OSError: the disk is full.
        """
        text = check_query(query)
        condition = self.encoder.encode([text])
        at_model_rate = self._spooled(waveform, sample_rate, self.sample_rate, scratch)
        target_at_model_rate = scratch.spool(*at_model_rate.shape)
        understanding = yield from self._walk(at_model_rate, condition, target_at_model_rate)
        target = cut(self._spooled(target_at_model_rate, self.sample_rate, sample_rate, scratch), 0, waveform.shape[1])
        yield Streamed(target, difference(waveform, target), sample_rate, text, self.name, understanding)

    @staticmethod
    def _spooled(waveform: Waveform, from_rate: int, to_rate: int, scratch: Scratch) -> Waveform:
        """A waveform at another rate, on disk."""
        if from_rate == to_rate:
            return waveform
        spool = scratch.spool(waveform.shape[0])
        for block in resampled(waveform, from_rate, to_rate):
            spool.append(block)
        return spool

    def understand(self, query: str) -> Understanding | None:
        """The nearest sound the checkpoint knows, by words alone; None when it lists none. Raises QueryError."""
        condition = self.encoder.encode([check_query(query)])
        return None if self.known_sounds is None else self.known_sounds.nearest(condition)

    def settled(self, query: Query, heard: Heard | None = None) -> Query:
        """A query as the model is to get it: drawn towards the sounds the checkpoint knows, if it lists any."""
        return query if self.known_sounds is None else self.known_sounds.settle(query, heard)

    def at_precision(self, precision: Precision) -> "Separator":
        """This separator, or one of the same weights that works in the other precision."""
        same = precision == self.precision
        return self if same else Separator(self._checkpoint, str(self.device), precision=precision)

    def engine(self) -> Engine | None:
        """The network for inference, made when it is first asked for; None for those that work as they are."""
        if self.device.type != "cpu" or not isinstance(self.model, ResUNet):
            return None
        with self._making:
            if self._engine is None:
                self._engine = Engine(self.model, self.precision if has_fast_bfloat16() else "float32")
            return self._engine

    def _walk(
        self, mixture: Waveform, condition: Query, target: np.ndarray | Spool
    ) -> Generator[Progress, None, Understanding | None]:
        """Write the target of ``mixture (channels, samples)`` to ``target``, which holds zeros; tells how far it is.

        A level outside what training met is brought to the nearer edge for the model, and the target brought back.
        Where the words leave open which sound they mean, the recording is listened to first. Returns how they were
        understood.
        """
        engine, known, gain = self.engine(), self.known_sounds, self._gain(mixture)
        streaming = engine if engine is not None and engine.streams else None
        total = len(self._starts(mixture)) if streaming is None else streaming.steps(mixture.shape[1])
        heard: dict[int, float] = {}
        if known is not None and self._asked_by_sentence and (candidates := known.candidates(condition)):
            parts = [torch.from_numpy(part * gain)[None] for part in excerpts(mixture, self.sample_rate)]
            for sound in candidates:
                heard[sound] = share(parts, self._estimate(Query(known.vectors[sound : sound + 1])))
                yield Progress(0, total)
        query = self.settled(condition, heard)
        if streaming is None:
            yield from self._windows(mixture, gain, target, self._estimate(query))
        else:
            yield from self._one_pass(streaming, streaming.guide(query), mixture, gain, target)
        return None if known is None else known.nearest(condition, heard)

    def _estimate(self, query: Query) -> Callable[[torch.Tensor], torch.Tensor]:
        """What separates windows ``(batch, channels, samples)`` for one query, where the model is."""
        engine = self.engine()
        if engine is None:
            there = query.to(self.device)
            return lambda windows: self.model(windows.to(self.device), there.expand(len(windows))).float().cpu()
        guide = engine.guide(query)
        return lambda windows: engine.separate(windows, guide).float()

    def _one_pass(
        self, engine: Engine, guide: Guide, mixture: Waveform, gain: np.float32, target: np.ndarray | Spool
    ) -> Iterator[Progress]:
        """One pass over everything, piece by piece."""
        begin = 0
        total = engine.steps(mixture.shape[1])
        at_level = Computed(mixture.shape, lambda first, last: mixture[..., first:last] * gain)
        for done, part in enumerate(engine.parts(at_level, guide), start=1):
            target[..., begin : begin + part.shape[1]] = part.numpy() / gain
            begin += part.shape[1]
            yield Progress(done, total)

    def _windows(
        self,
        mixture: Waveform,
        gain: np.float32,
        target: np.ndarray | Spool,
        estimate: Callable[[torch.Tensor], torch.Tensor],
    ) -> Iterator[Progress]:
        """Add the target of every window of ``mixture (channels, samples)`` to ``target``, cross-faded."""
        samples = mixture.shape[1]
        starts = self._starts(mixture)
        batch = BATCH.get(self.device.type, 1)
        for first in range(0, len(starts), batch):
            chosen = starts[first : first + batch]
            # Only the last window can be shorter than the others.
            for group in _same_length(chosen, self.window, samples):
                windows = np.stack([mixture[..., start : start + self.window] for start in group]) * gain
                with torch.inference_mode():
                    parts = estimate(torch.from_numpy(windows)).numpy() / gain
                for start, part in zip(group, parts, strict=True):
                    weight = self._weight(part.shape[1], start > 0, start + self.window < samples)
                    target[..., start : start + part.shape[1]] += part * weight
            yield Progress(first + len(chosen), len(starts))

    def _starts(self, mixture: Waveform) -> range:
        """Where windows begin."""
        return range(0, max(1, mixture.shape[1] - self.overlap), self.window - self.overlap)

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

    def _gain(self, mixture: Waveform) -> np.float32:
        """What brings the recording's level into the range that training met; 1 inside it."""
        if self.levels is None:
            return np.float32(1)
        level = 10 * np.log10(mean_square(mixture) + 1e-20)
        return np.float32(10 ** ((np.clip(level, *self.levels) - level) / 20))


def _same_length(starts: range, window: int, samples: int) -> list[list[int]]:
    whole = [start for start in starts if start + window <= samples]
    rest = [start for start in starts if start + window > samples]
    return [group for group in (whole, rest) if group]
