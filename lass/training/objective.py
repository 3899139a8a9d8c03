"""What a batch costs: the losses of a recipe, and silence where the query describes nothing."""

from collections.abc import Callable

import torch
from torch import Tensor

from lass.queries import Query
from lass.training.losses import MIXIT, mixit, silence, weighted
from lass.training.mixing import Batch
from lass.training.recipe import Optimisation

Separate = Callable[[Tensor, Query], Tensor]


class Objective:
    """The loss of each row of a batch, ``(batch,)``."""

    def __init__(self, settings: Optimisation) -> None:
        self.absent_weight = settings.absent_weight
        self.mixit_weight = settings.loss.get(MIXIT, 0.0)
        against_target = {name: weight for name, weight in settings.loss.items() if name != MIXIT}
        self.loss = weighted(against_target, settings.sdr_floor, settings.resolutions) if against_target else None

    def __call__(self, separate: Separate, batch: Batch) -> Tensor:
        """Separate a batch and score it.

        ``separate`` takes mixtures ``(batch, samples)`` and as many queries, and gives targets of that shape.
        """
        if self.mixit_weight:
            return self._remixed(separate, batch)
        estimate = separate(batch.mixture, batch.query)
        assert self.loss is not None
        present = self.loss(estimate, batch.target)
        return torch.where(batch.absent, self.absent_weight * silence(estimate, batch.mixture), present)

    def _remixed(self, separate: Separate, batch: Batch) -> Tensor:
        remix = batch.remix
        assert remix is not None
        sources = remix.there.shape[1]
        mixtures = batch.mixture.repeat_interleave(sources, 0)
        estimates = separate(mixtures, remix.queries).unflatten(0, (-1, sources))
        loss = self.mixit_weight * mixit(estimates, remix.references, remix.there)
        # The first query of a mixture is the one for its target, where that is known.
        return loss if self.loss is None else loss + self.loss(estimates[:, 0], batch.target)
