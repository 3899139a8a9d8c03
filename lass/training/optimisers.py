"""Optimisers and learning rates by the names that recipes call them."""

import math
from typing import Any

import torch
from torch import nn

from lass.training.recipe import Optimisation

DECADES = 3


def learning_rate(step: int, settings: Optimisation) -> float:
    """The learning rate of a step, counted from 0.

    - ``cosine``: linear warm-up, then a cosine from ``rate`` down to ``final * rate`` at the last step; without
      warm-up it is the usual cosine annealing.
    - ``decades``: a thousandth, a hundredth and a tenth of ``rate``, each for a third of the warm-up, then ``rate``
      (AudioSep and the DCASE baseline).
    - ``constant``: linear warm-up, then ``rate``.
    """
    if step < settings.warmup:
        if settings.schedule == "decades":
            return settings.rate * 10.0 ** (step * DECADES // settings.warmup - DECADES)
        return settings.rate * (step + 1) / settings.warmup
    if settings.schedule != "cosine":
        return settings.rate
    progress = (step - settings.warmup) / max(1, settings.steps - settings.warmup)
    return settings.rate * (settings.final + (1 - settings.final) * 0.5 * (1 + math.cos(math.pi * min(1.0, progress))))


def build_optimiser(model: nn.Module, settings: Optimisation) -> torch.optim.Optimizer:
    """The optimiser of a model's weights; norms and biases are spared weight decay."""
    weights = list(model.parameters())
    groups: list[dict[str, Any]] = [
        {"params": [weight for weight in weights if weight.ndim > 1]},
        {"params": [weight for weight in weights if weight.ndim <= 1], "weight_decay": 0.0},
    ]
    kind = torch.optim.AdamW if settings.optimiser.startswith("adamw") else torch.optim.Adam
    amsgrad = settings.optimiser.endswith("amsgrad")
    return kind(groups, lr=settings.rate, weight_decay=settings.weight_decay, amsgrad=amsgrad)
