"""Mixtures made on the fly.

Batch ``n`` of a run is a function of the recipe's seed and ``n`` alone, so that any number of loader processes
and any interruption give the same training data.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
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
from lass.queries.recogniser import Recogniser
from lass.training.augmentation import augment, layered
from lass.training.levels import level, rms
from lass.training.recipe import Mixing
from lass.training.similarity import TRIES, similarity
from lass.training.sources import Clip, Pool

PEAK = 0.9
# Nine in ten wordings never met in training come nearer than this to a known sound.
FAMILIAR = 0.3


@dataclass(frozen=True)
class Batch:
    """``mixture`` and ``target`` are ``(batch, samples)``, ``absent`` is ``(batch,)``: the query describes nothing.

    ``label`` is the sound that each query asks for. ``discarded`` mixtures were drawn and found too similar to their
    target. ``remix`` is there for losses that need no clean sources.
    """

    mixture: Tensor
    target: Tensor
    query: Query
    absent: Tensor
    label: list[str]
    discarded: int = 0
    remix: "Remix | None" = None

    def to(self, device: torch.device) -> "Batch":
        """The same batch on another device."""
        moved = {name: getattr(self, name).to(device) for name in ("mixture", "target", "query", "absent")}
        return replace(self, **moved, remix=None if self.remix is None else self.remix.to(device))


@dataclass(frozen=True)
class Remix:
    """Each mixture as the sum of two mixtures, and a query for every source of both.

    ``references`` is ``(batch, 2, samples)``. ``queries`` holds ``batch * sources`` rows, a mixture's sources one
    after the other, the first of them what the batch's own query asks for; ``there`` is ``(batch, sources)``, False
    where a mixture has fewer sources.
    """

    references: Tensor
    queries: Query
    there: Tensor

    def to(self, device: torch.device) -> "Remix":
        """The same on another device."""
        return Remix(self.references.to(device), self.queries.to(device), self.there.to(device))


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
        """What a checkpoint is to recognise queries by: mean and classifier of each label's wordings. None without."""
        names = tuple(labels)
        if not names:
            return None
        rows = [[row for words in self.sounds[label] for row in self.rows[words]] for label in names]
        wordings = [self.query.pooled[chosen] for chosen in rows]
        means = torch.nn.functional.normalize(torch.stack([vectors.mean(0) for vectors in wordings]), dim=1)
        return KnownSounds(names, means, FAMILIAR, Recogniser.fit(wordings))

    def words_for(self, label: str, rng: np.random.Generator) -> Words:
        """What to ask for ``label`` with, where no recording of it has been chosen."""
        choices = self.sounds[label]
        return choices[0] if len(choices) == 1 else choices[int(rng.integers(len(choices)))]

    def draw(self, words: Words, settings: Mixing, rng: np.random.Generator) -> tuple[np.ndarray, int]:
        """A pooled vector for a sound and the wording: one wording, a blend of two or the mean of all, a little noise.

        The vector has unit length. The wording is its row in ``query``, whose token vectors are never blended.
        """
        rows = self.rows[words]
        chosen = rows[int(rng.integers(len(rows)))]
        pooled = self.query.pooled[chosen].numpy()
        if rng.random() < settings.caption_blend:
            other = self.query.pooled[rows[int(rng.integers(len(rows)))]].numpy()
            pooled = pooled + (other - pooled) * np.float32(rng.random())
        # Nothing is drawn where a recipe does not ask for it, so that its queries stay what they were.
        if settings.caption_mean and rng.random() < settings.caption_mean:
            pooled = self.query.pooled[rows.start : rows.stop].mean(0).numpy()
        noise = rng.standard_normal(len(pooled)).astype(np.float32)
        pooled = pooled / np.linalg.norm(pooled) + settings.query_noise * noise / np.linalg.norm(noise)
        return (pooled / np.linalg.norm(pooled)).astype(np.float32), chosen

    def gather(self, drawn: Sequence[tuple[np.ndarray, int]], *, tokens: bool) -> Query:
        """What :meth:`draw` gave as one query, with the token vectors of the wordings if asked for.

        Tokens are padded to the longest of all wordings, so that every batch has one shape.
        """
        pooled = torch.from_numpy(np.stack([vector for vector, _ in drawn]))
        if not tokens or self.query.tokens is None:
            return Query(pooled=pooled)
        rows = torch.tensor([row for _, row in drawn])
        mask = None if self.query.mask is None else self.query.mask[rows]
        return Query(pooled, self.query.tokens[rows], mask)


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
    ``part`` ``(2, 4)`` makes the rows 2, 6, 10 … of each batch, for one of four processes. ``remix`` adds what losses
    without clean sources need.

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
        *,
        part: tuple[int, int] = (0, 1),
        remix: bool = False,
    ) -> None:
        self.pools = list(pools)
        self.captions = captions
        self.settings = settings
        self.rows = range(part[0], batch, part[1])
        self.remix = remix
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
        rows = [self._row(np.random.default_rng((self.seed, number, row))) for row in self.rows]
        tokens = self.settings.tokens
        return Batch(
            torch.from_numpy(np.stack([row.mixture for row in rows])),
            torch.from_numpy(np.stack([row.target for row in rows])),
            self.captions.gather([row.asked[0] for row in rows], tokens=tokens),
            torch.tensor([row.absent for row in rows]),
            [row.label for row in rows],
            sum(row.discarded for row in rows),
            self._remix(rows) if self.remix else None,
        )

    def _remix(self, rows: "Sequence[_Row]") -> Remix:
        most = 1 + len(self.settings.interferers)
        # A source that is not there is asked for like the first, and its answer left out.
        asked = [each for row in rows for each in [*row.asked, *row.asked[:1] * (most - len(row.asked))]]
        there = [[place < len(row.asked) for place in range(most)] for row in rows]
        references = torch.from_numpy(np.stack([row.references for row in rows]))
        return Remix(references, self.captions.gather(asked, tokens=self.settings.tokens), torch.tensor(there))

    def _row(self, rng: np.random.Generator) -> "_Row":
        settings = self.settings
        drawn, discarded = self._distinct(rng)
        mixture = drawn.mixture
        gain = self._gain(drawn, rng)
        taken = self._taken(drawn.labels)
        absent = bool(rng.random() < settings.absent) and self.labels.free(taken) > 0
        label = self.labels.draw(taken, rng) if absent else drawn.labels[0]
        words = self.captions.words_for(label, rng) if absent else drawn.clips[0].words
        asked = [self.captions.draw(words, settings, rng)]
        references = np.zeros((0, self.samples), np.float32)
        if self.remix:
            asked += [self.captions.draw(clip.words, settings, rng) for clip in drawn.clips[1:]]
            pairs = [np.sum(drawn.sources[first::2], axis=0) for first in (0, 1)]
            references = (np.stack(pairs) * gain).astype(np.float32)
        target = np.zeros_like(drawn.sources[0]) if absent else drawn.sources[0] * np.float32(gain)
        return _Row((mixture * gain).astype(np.float32), target, asked, absent, label, discarded, references)

    def _distinct(self, rng: np.random.Generator) -> "tuple[_Drawn, int]":
        """Sources whose mixture is not too similar to its target, and how many were discarded before."""
        limit, drawn = self.settings.similarity, self._drawn(rng)
        if limit >= 1:
            return drawn, 0
        best, nearest = drawn, similarity(drawn.mixture, drawn.sources[0])
        discarded = 0
        while nearest > limit and discarded < TRIES:
            discarded += 1
            drawn = self._drawn(rng)
            likeness = similarity(drawn.mixture, drawn.sources[0])
            if likeness < nearest:
                best, nearest = drawn, likeness
        return best, discarded

    def _drawn(self, rng: np.random.Generator) -> "_Drawn":
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
        levels = [level(source, self.rate, settings.loudness) for source in sources]
        matched = [source / own for source, own in zip(sources, levels, strict=True)]
        scaled = [source * 10 ** (-rng.uniform(*settings.snr) / 20) for source in matched[1:]]
        return _Drawn(chosen, clips, [matched[0], *scaled], matched[0] + sum(scaled), levels[0])

    def _gain(self, drawn: "_Drawn", rng: np.random.Generator) -> float:
        """What the mixture is multiplied by; its peak stays in the range of a recording."""
        peak = max(float(np.abs(drawn.mixture).max()), 1e-6)
        if self.settings.levels == "recorded":
            return drawn.level if drawn.level * peak <= 1 else PEAK / peak
        gain = 10 ** (rng.uniform(*self.settings.level) / 20) / max(rms(drawn.mixture), 1e-6)
        return float(min(gain, PEAK / peak))

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


@dataclass(frozen=True)
class _Drawn:
    """Sources that make a mixture: the target at level 1 and first, the others at their ratios to it.

    ``level`` is what the target was divided by.
    """

    labels: list[str]
    clips: list[Clip]
    sources: list[np.ndarray]
    mixture: np.ndarray
    level: float


@dataclass(frozen=True)
class _Row:
    """One row of a batch; ``asked`` holds its query first, then those of the other sources where they are needed."""

    mixture: np.ndarray
    target: np.ndarray
    asked: list[tuple[np.ndarray, int]]
    absent: bool
    label: str
    discarded: int
    references: np.ndarray


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
