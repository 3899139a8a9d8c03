"""Mixtures made on the fly.

Batch ``n`` of a run is a function of the recipe's seed and ``n`` alone, so that any number of loader processes
and any interruption give the same training data.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
import yaml
from scipy import fft
from torch import Tensor
from torch.utils.data import Dataset

from lass.errors import LassError
from lass.queries import Query
from lass.queries.known import KnownSounds
from lass.training.recipe import Mixing
from lass.training.sources import Pool

PEAK = 0.9
# Nine in ten wordings never met in training come nearer than this to a known sound.
FAMILIAR = 0.3


@dataclass(frozen=True)
class Batch:
    """``mixture`` and ``target`` are ``(batch, samples)``, ``absent`` is ``(batch,)``: the query describes nothing."""

    mixture: Tensor
    target: Tensor
    query: Query
    absent: Tensor
    label: list[str]


class Captions:
    """Wordings of every label and their vectors."""

    def __init__(self, texts: dict[str, list[str]], query: Query) -> None:
        self.texts = texts
        self.query = query
        self.rows: dict[str, range] = {}
        start = 0
        for label, wordings in texts.items():
            self.rows[label] = range(start, start + len(wordings))
            start += len(wordings)

    def known_sounds(self) -> KnownSounds:
        """The mean vector of each label's wordings, for a checkpoint to recognise queries by."""
        means = torch.stack([self.query.pooled[list(rows)].mean(0) for rows in self.rows.values()])
        return KnownSounds(tuple(self.rows), torch.nn.functional.normalize(means, dim=1), FAMILIAR)

    def blend(self, label: str, settings: Mixing, rng: np.random.Generator) -> np.ndarray:
        """A pooled vector for ``label``: one wording or a blend of two, a little noise, unit length."""
        rows = self.rows[label]
        pooled = self.query.pooled[rows[int(rng.integers(len(rows)))]].numpy()
        if rng.random() < settings.caption_blend:
            other = self.query.pooled[rows[int(rng.integers(len(rows)))]].numpy()
            pooled = pooled + (other - pooled) * np.float32(rng.random())
        noise = rng.standard_normal(len(pooled)).astype(np.float32)
        pooled = pooled / np.linalg.norm(pooled) + settings.query_noise * noise / np.linalg.norm(noise)
        return (pooled / np.linalg.norm(pooled)).astype(np.float32)


def read_captions(path: Path, labels: Sequence[str], wording: str = "train") -> dict[str, list[str]]:
    """Wordings by label from a file ``label: {train: […], held_out: […]}``.

    Raises:
        LassError: the file cannot be read or a label has no wording in it.
    """
    try:
        table = yaml.safe_load(path.read_text("utf-8"))
    except (OSError, yaml.YAMLError) as error:
        raise LassError(f"The captions {path} cannot be read; give a YAML file of wordings by label.") from error
    for label in labels:
        if not table.get(label, {}).get(wording):
            raise LassError(f"{path.name} has no {wording} wording for {label!r}; add at least one.")
    return {label: list(table[label][wording]) for label in labels}


class Mixtures(Dataset[Batch]):
    """Batches by number. Interferers never share the target's label or a label said to be the same sound."""

    def __init__(
        self,
        pools: Sequence[Pool],
        captions: Captions,
        settings: Mixing,
        same_sound: Sequence[Sequence[str]],
        batch: int,
        seed: int,
    ) -> None:
        self.pools = list(pools)
        self.captions = captions
        self.settings = settings
        self.batch = batch
        self.seed = seed
        self.rate = pools[0].sample_rate
        self.samples = int(settings.seconds * self.rate)
        self.shares = np.array([pool.weight for pool in pools]) / sum(pool.weight for pool in pools)
        self.labels = sorted({label for pool in pools for label in pool.labels})
        self.sounds = {label: {label} for label in self.labels}
        for group in same_sound:
            for label in group:
                self.sounds.setdefault(label, {label}).update(group)

    def __getitem__(self, number: int) -> Batch:
        mixtures = [self._mixture(np.random.default_rng((self.seed, number, row))) for row in range(self.batch)]
        mixture, target, pooled, absent, label = zip(*mixtures, strict=True)
        return Batch(
            torch.from_numpy(np.stack(mixture)),
            torch.from_numpy(np.stack(target)),
            Query(pooled=torch.from_numpy(np.stack(pooled))),
            torch.tensor(absent),
            list(label),
        )

    def _mixture(self, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray, np.ndarray, bool, str]:
        settings = self.settings
        shares = np.array(settings.interferers)
        count = 1 + int(rng.choice(len(shares), p=shares / shares.sum()))
        chosen: list[str] = []
        sources = []
        for _ in range(1 + count):
            pool = self.pools[int(rng.choice(len(self.pools), p=self.shares))]
            label = self._other(pool.labels, chosen, rng)
            chosen.append(label)
            sources.append(augment(pool.draw(label, self._length(rng), rng), self.samples, settings, rng))
        target = _unit(sources[0])
        others = sum(_unit(source) * 10 ** (-rng.uniform(*settings.snr) / 20) for source in sources[1:])
        mixture = target + others
        gain = 10 ** (rng.uniform(*settings.level) / 20) / max(_rms(mixture), 1e-6)
        gain = min(gain, PEAK / max(float(np.abs(mixture).max()), 1e-6))
        absent = bool(rng.random() < settings.absent)
        asked = self._other(self.labels, chosen, rng) if absent else chosen[0]
        pooled = self.captions.blend(asked, settings, rng)
        target = np.zeros_like(target) if absent else target * np.float32(gain)
        return (mixture * gain).astype(np.float32), target, pooled, absent, asked

    def _length(self, rng: np.random.Generator) -> int:
        """Samples to draw so that playing them at a random speed fills the mixture; a length the FFT is fast at."""
        return int(fft.next_fast_len(int(self.samples * rng.uniform(*self.settings.speed)), real=True))

    def _other(self, labels: Sequence[str], chosen: Sequence[str], rng: np.random.Generator) -> str:
        taken = {sound for label in chosen for sound in self.sounds[label]}
        free = [label for label in labels if label not in taken]
        if not free:
            raise LassError("The recordings need at least two different sounds to be mixed; add another label.")
        return free[int(rng.integers(len(free)))]


def augment(sound: np.ndarray, samples: int, settings: Mixing, rng: np.random.Generator) -> np.ndarray:
    """Play ``sound`` so that it fills ``samples``, through a random smooth equaliser, with a random polarity.

    Both happen on one Fourier transform: a longer or shorter inverse resamples, a curve over the bins equalises.
    Short fades hide the wrap-around.
    """
    fade = min(len(sound) // 4, 160)
    ramp = np.linspace(0.0, 1.0, fade, dtype=np.float32)
    sound = sound.copy()
    sound[:fade] *= ramp
    sound[-fade:] *= ramp[::-1]
    spectrum = fft.rfft(sound)
    bins = samples // 2 + 1
    fitted = np.zeros(bins, np.complex64)
    kept = min(bins, len(spectrum))
    # Six random gains, evenly spaced over the octaves, joined by straight lines.
    octaves = np.log2(np.arange(kept) + 1.0) / np.log2(kept + 1.0)
    gains = rng.uniform(-settings.equaliser, settings.equaliser, 6) if settings.equaliser else np.zeros(6)
    curve = 10 ** (np.interp(octaves, np.linspace(0.4, 1.0, 6), gains) / 20)
    fitted[:kept] = spectrum[:kept] * curve * (samples / len(sound)) * rng.choice([-1.0, 1.0])
    return fft.irfft(fitted, samples).astype(np.float32)


def _rms(sound: np.ndarray) -> float:
    return float(np.sqrt(np.mean(np.square(sound, dtype=np.float64))))


def _unit(sound: np.ndarray) -> np.ndarray:
    """The sound at a root mean square of 1; a silent crop stays silent."""
    return sound / max(_rms(sound), 1e-5)
