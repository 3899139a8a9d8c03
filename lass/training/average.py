"""The average of a network's weights over the steps of its training: what is measured and exported."""

import copy

import torch
from torch import nn


class Average:
    """Exponential moving average of a network's weights; its buffers are taken over as they are."""

    def __init__(self, model: nn.Module, decay: float) -> None:
        self.model = copy.deepcopy(model).eval().requires_grad_(False)
        self.decay = decay
        self.updates = 0

    @torch.no_grad()
    def update(self, model: nn.Module) -> None:
        """Move towards ``model``; the first updates move faster, so that the random start is soon forgotten."""
        self.updates += 1
        decay = min(self.decay, (1 + self.updates) / (10 + self.updates))
        for weight, newest in zip(self.model.parameters(), model.parameters(), strict=True):
            weight.lerp_(newest, 1 - decay)
        for buffer, latest in zip(self.model.buffers(), model.buffers(), strict=True):
            buffer.copy_(latest)


@torch.no_grad()
def between(model: nn.Module, start: nn.Module, share: float) -> nn.Module:
    """A network whose weights lie between those of ``model`` and of what it started from, of which they have ``share``.

    The mean of both generalises better than either where the two are close: Wortsman et al., Robust fine-tuning of
    zero-shot models (2022). Statistics of norms are averaged like weights.
    """
    result = copy.deepcopy(model)
    values = zip(result.state_dict().values(), start.state_dict().values(), strict=True)
    for value, before in values:
        if value.is_floating_point():
            value.lerp_(before, share)
    return result
