"""The sounds a checkpoint was trained on, and which of them a query comes nearest to."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from lass.queries.query import Query

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True)
class Understanding:
    """How a checkpoint understood a query: the nearest sound it was trained on.

    ``similarity`` is the cosine between the two; ``familiar`` says whether that is near enough to expect a separation.
    """

    label: str
    similarity: float
    familiar: bool


@dataclass(frozen=True, eq=False)
class KnownSounds:
    """The sounds a checkpoint was trained on.

    ``vectors`` is ``(labels, size)``: the mean, of unit length, of the vectors of each sound's wordings. ``threshold``
    is the cosine under which a query is far from all of them.
    """

    labels: tuple[str, ...]
    vectors: Tensor
    threshold: float

    def nearest(self, query: Query) -> Understanding:
        """The known sound nearest to the first row of a query."""
        import torch

        similarities = self.vectors @ torch.nn.functional.normalize(query.pooled[0], dim=0)
        best = int(similarities.argmax())
        similarity = float(similarities[best])
        return Understanding(self.labels[best], similarity, similarity >= self.threshold)
