"""Optimisers and learning rates by the names that recipes call them."""

import math
from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor, nn

from lass.training.recipe import Optimisation

DECADES = 3
MOMENTUM = 0.95
# The quintic of Jordan et al. (Muon, 2024): its slope at zero is the steepest that five rounds bear.
_ROUNDS, _QUINTIC = 5, (3.4445, -4.7750, 2.0315)
# What AdamW moves a weight by in the mean, per learning rate (Liu et al., Muon is Scalable, 2025, section 2.2).
_ADAMW_STEP = 0.2
# A kernel with fewer rows or columns has too few directions to balance.
_FEWEST = 16


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


class Muon(torch.optim.AdamW):
    """AdamW, but for matrices and kernels, which move along their momentum made orthogonal.

    A kernel is taken as a matrix with a row for each output channel. All its directions are followed alike, so the
    rare ones are learnt as fast as the loud ones. Steps have the size of AdamW's, so that one learning rate serves
    both. Source: Jordan et al., Muon: An optimizer for hidden layers (2024), with the scale of Liu et al. (2025).
    """

    def __init__(
        self, kernels: Iterable[Tensor], others: list[dict[str, Any]], *, lr: float, weight_decay: float
    ) -> None:
        groups = [{**group, "orthogonal": False} for group in others]
        super().__init__([*groups, {"params": list(kernels), "orthogonal": True}], lr=lr, weight_decay=weight_decay)

    @torch.no_grad()
    def step(self, closure: Any = None) -> Any:
        """One step; it uses up the gradients of the kernels."""
        assert closure is None
        for group in self.param_groups:
            for weight in group["params"] if group["orthogonal"] else ():
                if weight.grad is not None:
                    self._move(weight, weight.grad, group["lr"], group["weight_decay"])
                    # What has no gradient AdamW leaves alone.
                    weight.grad = None
        return super().step()

    def _move(self, weight: Tensor, gradient: Tensor, rate: float, decay: float) -> None:
        state = self.state[weight]
        if not state:
            # AdamW looks for a count of steps wherever it finds a state.
            state.update(step=torch.tensor(0.0), momentum=torch.zeros_like(weight))
        state["step"] += 1
        momentum = state["momentum"]
        momentum.lerp_(gradient, 1 - MOMENTUM)
        ahead = gradient.lerp(momentum, MOMENTUM)
        direction = orthogonal(ahead.flatten(1))
        size = rate * _ADAMW_STEP * math.sqrt(max(direction.shape))
        weight.mul_(1 - rate * decay).sub_(direction.view_as(ahead), alpha=size)


def orthogonal(matrix: Tensor) -> Tensor:
    """The matrix with all singular values brought near one, by Newton-Schulz rounds in bfloat16."""
    wide = matrix.shape[0] <= matrix.shape[1]
    x = (matrix if wide else matrix.T).bfloat16()
    x = x / x.norm().clamp(min=1e-7)
    first, third, fifth = _QUINTIC
    for _ in range(_ROUNDS):
        gram = x @ x.T
        x = torch.addmm(x, torch.addmm(gram, gram, gram, beta=third, alpha=fifth), x, beta=first)
    return (x if wide else x.T).to(matrix.dtype)


def build_optimiser(model: nn.Module, settings: Optimisation) -> torch.optim.Optimizer:
    """The optimiser of a model's weights; norms and biases are spared weight decay."""
    muon = settings.optimiser == "muon"
    kernels: list[nn.Parameter] = []
    weights: list[nn.Parameter] = []
    for weight in model.parameters():
        wide = weight.ndim > 1 and min(weight.flatten(1).shape) >= _FEWEST
        (kernels if muon and wide else weights).append(weight)
    groups: list[dict[str, Any]] = [
        {"params": [weight for weight in weights if weight.ndim > 1]},
        {"params": [weight for weight in weights if weight.ndim <= 1], "weight_decay": 0.0},
    ]
    if muon:
        return Muon(kernels, groups, lr=settings.rate, weight_decay=settings.weight_decay)
    kind = torch.optim.AdamW if settings.optimiser.startswith("adamw") else torch.optim.Adam
    amsgrad = settings.optimiser.endswith("amsgrad")
    return kind(groups, lr=settings.rate, weight_decay=settings.weight_decay, amsgrad=amsgrad)
