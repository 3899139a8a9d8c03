"""Mixtures made on the fly.

Batch ``n`` of a run is a function of the recipe's seed and ``n`` alone, so that any number of loader processes
and any interruption give the same training data.
"""

from collections.abc import Callable, Iterable, Sequence
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
from lass.training.augmentation import augment, layered
from lass.training.recipe import Mixing
from lass.training.sources import Clip, Pool

PEAK = 0.9
# Nine in ten wordings never met in training come nearer than this to a known sound.
FAMILIAR = 0.3


@dataclass(frozen=True)
class Batch:
    """``mixture`` and ``target`` are ``(batch, samples)``, ``absent`` is ``(batch,)``: the query describes nothing.

    ``label`` is the sound that each query asks for.
    """

    mixture: Tensor
    target: Tensor
    query: Query
    absent: Tensor
    label: list[str]


Words = str | tuple[str, ...]


class Captions:
    """Wordings and their vectors, of labels and of single recordings that have captions of their own.

    Args:
        texts: wordings under what a :class:`Clip` files them under: its label, or its own captions.
        query: the vectors of all wordings, in that order.
        sounds: which of them belong to which label; by default every label to itself.
    """

    def __init__(
        self, texts: dict[Words, list[str]], query: Query, sounds: dict[str, list[Words]] | None = None
    ) -> None:
        self.texts = texts
        self.query = query
        self.sounds = sounds if sounds is not None else {words: [words] for words in texts if isinstance(words, str)}
        self.rows: dict[Words, range] = {}
        start = 0
        for words, wordings in texts.items():
            self.rows[words] = range(start, start + len(wordings))
            start += len(wordings)

    @classmethod
    def of(cls, pools: Iterable[Pool], table: dict[str, list[str]], encode: Callable[[list[str]], Query]) -> "Captions":
        """The captions of everything in ``pools``, labels worded as in ``table``."""
        filed: dict[str, dict[Words, None]] = {}
        for pool in pools:
            for label in pool.labels:
                filed.setdefault(label, {}).update(dict.fromkeys(clip.words for clip in pool.clips[label]))
        texts: dict[Words, list[str]] = {}
        for label in sorted(filed):
            for words in filed[label]:
                texts[words] = table[words] if isinstance(words, str) else list(words)
        query = encode([text for wordings in texts.values() for text in wordings])
        return cls(texts, query, {label: list(words) for label, words in filed.items()})

    def known_sounds(self, labels: Iterable[str]) -> KnownSounds | None:
        """The mean vector of each label's wordings, for a checkpoint to recognise queries by; None without labels."""
        names = tuple(labels)
        if not names:
            return None
        rows = [[row for words in self.sounds[label] for row in self.rows[words]] for label in names]
        means = torch.stack([self.query.pooled[chosen].mean(0) for chosen in rows])
        return KnownSounds(names, torch.nn.functional.normalize(means, dim=1), FAMILIAR)

    def words_for(self, label: str, rng: np.random.Generator) -> Words:
        """What to ask for ``label`` with, where no recording of it has been chosen."""
        choices = self.sounds[label]
        return choices[0] if len(choices) == 1 else choices[int(rng.integers(len(choices)))]

    def blend(self, words: Words, settings: Mixing, rng: np.random.Generator) -> np.ndarray:
        """A pooled vector for a sound: one wording or a blend of two, a little noise, unit length."""
        rows = self.rows[words]
        pooled = self.query.pooled[rows[int(rng.integers(len(rows)))]].numpy()
        if rng.random() < settings.caption_blend:
            other = self.query.pooled[rows[int(rng.integers(len(rows)))]].numpy()
            pooled = pooled + (other - pooled) * np.float32(rng.random())
        noise = rng.standard_normal(len(pooled)).astype(np.float32)
        pooled = pooled / np.linalg.norm(pooled) + settings.query_noise * noise / np.linalg.norm(noise)
        return (pooled / np.linalg.norm(pooled)).astype(np.float32)


def read_captions(path: Path | None, labels: Sequence[str], wording: str = "train") -> dict[str, list[str]]:
    """Wordings by label from a file ``label: {train: […], held_out: […]}``; without a file, the labels themselves.

    Raises:
        LassError: the file cannot be read or a label has no wording in it.
    """
    if path is None or not labels:
        return {label: [label] for label in labels}
    try:
        table = yaml.safe_load(path.read_text("utf-8"))
    except (OSError, ValueError, yaml.YAMLError) as error:
        raise LassError(f"The captions {path} cannot be read; give a YAML file of wordings by label.") from error
    if not isinstance(table, dict):
        raise LassError(f"The captions {path} hold no labels; write 'label: {{train: [wording, …]}}' for each sound.")
    return {label: _wordings(table.get(label), label, wording, path) for label in labels}


def _wordings(entry: object, label: str, wording: str, path: Path) -> list[str]:
    texts = entry.get(wording) if isinstance(entry, dict) else None
    if not isinstance(texts, list) or not texts:
        raise LassError(f"{path.name} has no {wording} wording for {label!r}; add at least one.")
    for text in texts:
        if not isinstance(text, str) or not text.strip():
            raise LassError(f"{path.name} has a wording for {label!r} that is no text ({text!r}); put it in quotes.")
    return list(texts)


class Mixtures(Dataset[Batch]):
    """Batches by number. Interferers never share the target's label or a label said to be the same sound.

    Where a set has no further sound to offer, another set gives it; where none has, the mixture has fewer sources.

    Raises:
        LassError: there are no two different sounds.
    """

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
        self.labels = _Labels({label for pool in pools for label in pool.labels})
        self.labels_of = [_Labels(pool.labels) for pool in pools]
        # Only labels that name the same sound as another one are in here.
        self.sounds: dict[str, set[str]] = {}
        for group in same_sound:
            for label in group:
                self.sounds.setdefault(label, {label}).update(group)
        if any(not self.labels.free(self._taken([label])) for label in self.labels.names):
            raise LassError("The recordings need at least two different sounds to be mixed; add another label.")

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
        clips: list[Clip] = []
        sources: list[np.ndarray] = []
        for _ in range(1 + count):
            place = self._place(chosen, rng)
            if place is None:
                break
            label = self.labels_of[place].draw(self._taken(chosen), rng)
            sound, clip = self._sound(place, label, rng)
            chosen.append(label)
            clips.append(clip)
            sources.append(augment(sound, self.samples, settings, rng))
        target = _unit(sources[0])
        others = sum(_unit(source) * 10 ** (-rng.uniform(*settings.snr) / 20) for source in sources[1:])
        mixture = target + others
        gain = 10 ** (rng.uniform(*settings.level) / 20) / max(_rms(mixture), 1e-6)
        gain = min(gain, PEAK / max(float(np.abs(mixture).max()), 1e-6))
        taken = self._taken(chosen)
        absent = bool(rng.random() < settings.absent) and self.labels.free(taken) > 0
        asked = self.labels.draw(taken, rng) if absent else chosen[0]
        words = self.captions.words_for(asked, rng) if absent else clips[0].words
        pooled = self.captions.blend(words, settings, rng)
        target = np.zeros_like(target) if absent else target * np.float32(gain)
        return (mixture * gain).astype(np.float32), target, pooled, absent, asked

    def _sound(self, place: int, label: str, rng: np.random.Generator) -> tuple[np.ndarray, Clip]:
        """A crop of a sound; now and then two recordings of it at once, where no caption describes one alone."""
        pool, layers = self.pools[place], self.settings.same_sound_layers
        sound, clip = pool.draw(label, self._length(rng), rng)
        if layers and rng.random() < layers:
            other, second = pool.draw(label, len(sound), rng)
            if not clip.wordings and not second.wordings:
                sound = layered(sound, other, rng)
        return sound, clip

    def _length(self, rng: np.random.Generator) -> int:
        """Samples to draw so that playing them at a random speed fills the mixture; a length the FFT is fast at."""
        return int(fft.next_fast_len(int(self.samples * rng.uniform(*self.settings.speed)), real=True))

    def _taken(self, chosen: Sequence[str]) -> set[str]:
        """The labels that name a sound which is in the mixture already."""
        return {sound for label in chosen for sound in self.sounds.get(label, (label,))}

    def _place(self, chosen: Sequence[str], rng: np.random.Generator) -> int | None:
        """The number of the pool to draw from next; None where no pool has a sound that is not there yet."""
        place = int(rng.choice(len(self.pools), p=self.shares))
        taken = self._taken(chosen)
        if self.labels_of[place].free(taken):
            return place
        others = [other for other, labels in enumerate(self.labels_of) if labels.free(taken)]
        if not others:
            return None
        shares = self.shares[others]
        return others[int(rng.choice(len(others), p=shares / shares.sum()))]


class _Labels:
    """Labels in alphabetical order, to draw from all but some of them; as quick for ten thousand as for ten."""

    def __init__(self, names: Iterable[str]) -> None:
        self.names = sorted(names)
        self.places = {name: place for place, name in enumerate(self.names)}

    def free(self, taken: set[str]) -> int:
        """How many are not taken."""
        return len(self.names) - sum(name in self.places for name in taken)

    def draw(self, taken: set[str], rng: np.random.Generator) -> str:
        """One that is not taken, each as likely."""
        place = int(rng.integers(self.free(taken)))
        for other in sorted(self.places[name] for name in taken if name in self.places):
            place += other <= place
        return self.names[place]


def _rms(sound: np.ndarray) -> float:
    return float(np.sqrt(np.mean(np.square(sound, dtype=np.float64))))


def _unit(sound: np.ndarray) -> np.ndarray:
    """The sound at a root mean square of 1; a silent crop stays silent."""
    return sound / max(_rms(sound), 1e-5)
