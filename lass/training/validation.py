"""The mixtures that a run is watched on: of held-out recordings, and the same for every recipe."""

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from lass.queries import Query
from lass.training.journal import Sample
from lass.training.mixing import Batch, Captions, Mixtures
from lass.training.recipe import Recipe
from lass.training.sources import Clip, Pool

# Of the fixed mixtures: they are the same for every recipe on the same recordings.
VALIDATION_SEED = 20240607
VALIDATION_BATCH = 10

Separate = Callable[[Tensor, Query], Tensor]


@dataclass(frozen=True)
class Validation:
    """Mean SDR improvement in decibels over fixed mixtures, and the output's level for absent sounds.

    Either is NaN where no mixture was of the kind.
    """

    sdri: float
    absent_db: float


def fixed_mixtures(recipe: Recipe, pool: Pool, encode: Callable[[list[str]], Query]) -> list[Batch]:
    """0 dB mixtures of held-out recordings; one in five asks for a sound that is not there.

    Queries are labels, or the captions of recordings that have their own.
    """
    table = {label: [label] for label in labels([pool], worded=False)}
    captions = Captions.of([pool], table, encode)
    settings = replace(
        recipe.mixing,
        snr=(0.0, 0.0),
        interferers=(1.0,),
        level=(-23.0, -23.0),
        levels="drawn",
        loudness="energy",
        similarity=1.0,
        speed=(1.0, 1.0),
        equaliser=0.0,
        same_sound_layers=0.0,
        reverb=0.0,
        band=0.0,
        caption_blend=0.0,
        caption_mean=0.0,
        query_noise=0.0,
        absent=0.2,
    )
    same = recipe.data.same_sound
    mixtures = Mixtures([pool], captions, settings, same, VALIDATION_BATCH, VALIDATION_SEED)
    return [mixtures[number] for number in range(math.ceil(recipe.data.validation_mixtures / VALIDATION_BATCH))]


def validate(separate: Separate, batches: Iterable[Batch], keep: int = 0) -> tuple[Validation, list[Sample]]:
    """Score a network on the fixed mixtures, and keep the first few of them with what came out.

    ``separate`` takes mixtures ``(batch, samples)`` and as many queries, and gives targets of that shape.
    """
    gains: list[Tensor] = []
    absent: list[Tensor] = []
    samples: list[Sample] = []
    for batch in batches:
        estimate = separate(batch.mixture, batch.query)
        gain = -10 * torch.log10(_energy(batch.target - estimate) / _energy(batch.target - batch.mixture))
        level = 10 * torch.log10(_energy(estimate) / _energy(batch.mixture))
        gains.append(gain[~batch.absent])
        absent.append(level[batch.absent])
        for row in range(min(keep - len(samples), len(batch.label))):
            waves = (wave[row].float().cpu().numpy() for wave in (batch.mixture, batch.target, estimate))
            samples.append(Sample(batch.label[row], *waves))
    return Validation(float(torch.cat(gains).mean()), float(torch.cat(absent).mean())), samples


def labels(pools: Sequence[Pool], *, worded: bool = True) -> list[str]:
    """Labels of all recordings that have one; without ``worded``, of those that have no captions of their own."""

    def counts(clip: Clip) -> bool:
        return bool(clip.label) and (worded or not clip.wordings)

    return sorted({label for pool in pools for label in pool.labels if any(map(counts, pool.clips[label]))})


def _energy(waveform: Tensor) -> Tensor:
    return waveform.square().sum(-1) + 1e-8
