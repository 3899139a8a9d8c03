"""What a network is trained to lower. Waveforms are ``(batch, samples)``; every loss returns one value a row."""

from collections.abc import Callable

import torch
from torch import Tensor

# An error 30 dB under the target is inaudible beside it; without the floor the loss would chase the few
# mixtures that are almost perfect already.
SDR_FLOOR = 1e-3
TINY = 1e-8

Loss = Callable[[Tensor, Tensor], Tensor]


def negative_sdr(estimate: Tensor, target: Tensor) -> Tensor:
    """-SDR in decibels, ``10 log10(||s - e||^2 / ||s||^2)``, with an error floor 30 dB under the target."""
    power = target.square().sum(-1) + TINY
    error = (target - estimate).square().sum(-1)
    return 10 * torch.log10(error / power + SDR_FLOOR)


def negative_si_sdr(estimate: Tensor, target: Tensor) -> Tensor:
    """-SI-SDR in decibels: the target is first scaled to fit the estimate best. No mean removal."""
    scale = (estimate * target).sum(-1, keepdim=True) / (target.square().sum(-1, keepdim=True) + TINY)
    return negative_sdr(estimate, scale * target)


def l1(estimate: Tensor, target: Tensor) -> Tensor:
    """Mean absolute difference of the waveforms."""
    return (estimate - target).abs().mean(-1)


def silence(estimate: Tensor, mixture: Tensor) -> Tensor:
    """Level of the output in decibels over the mixture, down to -30: what a query for an absent sound should give."""
    power = mixture.square().sum(-1) + TINY
    return 10 * torch.log10(estimate.square().sum(-1) / power + SDR_FLOOR)


LOSSES: dict[str, Loss] = {"sdr": negative_sdr, "si_sdr": negative_si_sdr, "l1": l1}


def weighted(weights: dict[str, float]) -> Loss:
    """The sum of named losses with these weights.

    Raises:
        ValueError: a name that is not in :data:`LOSSES`.
    """
    for name in weights:
        if name not in LOSSES:
            raise ValueError(f"unknown loss {name!r}; known are {', '.join(sorted(LOSSES))}")

    def loss(estimate: Tensor, target: Tensor) -> Tensor:
        return torch.stack([weight * LOSSES[name](estimate, target) for name, weight in weights.items()]).sum(0)

    return loss
