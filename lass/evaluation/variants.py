"""Ways of running a model that a benchmark tells apart, and full-size architectures to time without their weights."""

import hashlib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Literal

import numpy as np
import torch

from lass import ensemble
from lass.checkpoints.loading import Loaded
from lass.ensemble import Ensemble
from lass.errors import SettingsError
from lass.models import DualPathConfig, ResUNetConfig, build
from lass.queries import Query
from lass.separation import Separator

Variant = Literal["plain", "float32", "fast"]
VARIANTS: tuple[Variant, ...] = ("plain", "float32", "fast")
"""``plain`` is the network in float32 over the whole recording at once, as PyTorch runs it; the others separate."""

ARCHITECTURES = {
    "resunet30-32k": ResUNetConfig(),
    "resunet30-16k": ResUNetConfig(sample_rate=16000, window=1024, hop=160),
    "resunet30-dprnn-32k": ResUNetConfig(dual_path=DualPathConfig()),
}
"""Published architectures: by these names a benchmark makes them with random weights."""


class NumberedQueries:
    """Stands for a text encoder beside random weights: a unit vector of its own for every text."""

    def __init__(self, size: int) -> None:
        self.size = size

    def encode(self, texts: Sequence[str]) -> Query:
        """One row a text."""
        seeds = [int.from_bytes(hashlib.sha256(text.encode()).digest()[:4], "little") for text in texts]
        rows = np.stack([np.random.default_rng(seed).standard_normal(self.size) for seed in seeds])
        return Query(torch.from_numpy(rows / np.linalg.norm(rows, axis=1, keepdims=True)).float())


def open_model(
    name: str, *, device: str, sample_rate: int | None, cache_dir: Path | None
) -> Separator | Ensemble:
    """A model by its name or path, or an architecture with random weights.

    Raises:
        LassError: the model cannot be loaded.
    """
    if name in ARCHITECTURES:
        config = ARCHITECTURES[name]
        torch.manual_seed(0)
        loaded = Loaded(f"{name}, random weights", build(config).eval(), config, NumberedQueries(config.condition_size))
        return Separator(loaded, device)
    return ensemble.load(name, device=device, sample_rate=sample_rate, cache_dir=cache_dir)


def runner(separator: Separator | Ensemble, variant: Variant, text: str) -> Callable[[np.ndarray], np.ndarray]:
    """A function from a mixture ``(samples,)`` at the model's rate to its target.

    Raises:
        SettingsError: an ensemble is no single network, and has one variant only.
    """
    if isinstance(separator, Ensemble):
        if variant != "float32":
            raise SettingsError("An ensemble can only be timed in float32; benchmark its members by their names.")
        return lambda mixture: separator.separate(mixture, separator.sample_rate, text).target
    if variant == "plain":
        return lambda mixture: _plain(separator, mixture, text)
    chosen = separator.at_precision(variant)
    return lambda mixture: chosen.separate(mixture, chosen.sample_rate, text).target


def _plain(separator: Separator, mixture: np.ndarray, text: str) -> np.ndarray:
    query = separator.settled(separator.encoder.encode([text])).to(separator.device)
    with torch.inference_mode():
        target = separator.model(torch.from_numpy(mixture[None, None]).to(separator.device), query)
        whole: np.ndarray = target[0, 0].cpu().numpy()
    return whole

