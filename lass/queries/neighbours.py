"""The wordings that a checkpoint learned its sounds by, and which of them a query comes nearest to."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor

# Directions kept of the sentence vectors. In 128 of 384, and in steps of one byte, neighbours stay neighbours: the
# wordings of 65 sounds take 0.6 MB of a checkpoint.
KEPT = 128
# Whose votes count, and how much more a nearer one's does: exp(SHARPNESS * cosine).
NEAREST = 10
SHARPNESS = 20.0


@dataclass(frozen=True, eq=False)
class Neighbours:
    """Wordings as few bytes, to find those that a query is nearest to.

    ``axes`` is ``(size, kept)``, ``wordings`` ``(wordings, kept)`` in int8 and ``owners`` ``(wordings,)``: the number
    of the sound that each belongs to. ``(pooled @ axes) @ wordings.T`` are cosines, nearly.
    """

    axes: Tensor
    wordings: Tensor
    owners: Tensor

    def votes(self, pooled: Tensor, sounds: int) -> Tensor:
        """Each sound's share ``(batch, sounds)`` in the neighbours of queries ``(batch, size)`` of unit length."""
        cosines = pooled @ self.axes @ self.wordings.to(pooled.dtype).T
        nearest = cosines.topk(min(NEAREST, len(self.owners)), dim=1)
        weights = (SHARPNESS * (nearest.values - nearest.values[:, :1])).exp()
        counted = pooled.new_zeros(len(pooled), sounds).scatter_add_(1, self.owners[nearest.indices], weights)
        return counted / counted.sum(1, keepdim=True)

    @classmethod
    def fit(cls, wordings: Sequence[Tensor]) -> Neighbours:
        """Remember the sentence vectors ``(wordings, size)``, of length 1, of each sound."""
        import torch

        vectors = torch.cat(list(wordings)).detach().cpu().double()
        # The directions in which wordings lie furthest out, so that least of a cosine is lost.
        axes = torch.linalg.eigh(vectors.T @ vectors).eigenvectors[:, -KEPT:]
        places = vectors @ axes
        step = float(places.abs().max()) / 127
        owners = torch.arange(len(wordings)).repeat_interleave(torch.tensor([len(rows) for rows in wordings]))
        return cls((axes * step).float(), (places / step).round().to(torch.int8), owners)
