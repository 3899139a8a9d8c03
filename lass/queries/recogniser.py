"""Which of the known sounds a query names, and how surely: one linear classifier for each sound."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor

# Log-odds from which a query counts as familiar. Nine in ten wordings of known sounds, unlike any that the classifiers
# met, pass it; three in four names of other sounds (a typewriter, a cow mooing) do not.
FAMILIAR_ODDS = -1.7
# Beyond this the table of wordings by sounds no longer fits in memory beside a training run.
MOST_SOUNDS = 1000
# Vectors of unit length differ little in each value: this brings log-odds within reach of small weights.
SCALE = 10.0
# What all wordings of a sound count for together, beside 1 for all wordings of the others. Fixed, so that the odds mean
# the same for three sounds as for sixty.
SHARE = 1 / 65
DECAY = 5e-4
STEPS = 150


@dataclass(frozen=True, eq=False)
class Recogniser:
    """Linear classifiers on sentence vectors, one for each known sound, independent of one another.

    ``weights`` is ``(labels, size)`` and ``bias`` is ``(labels,)``. ``familiar`` is the log-odds from which a query is
    said to name a sound. That a query may come out as none of them is why these are not classes that exclude each
    other.
    """

    weights: Tensor
    bias: Tensor
    familiar: float = FAMILIAR_ODDS

    def odds(self, pooled: Tensor) -> Tensor:
        """Log-odds ``(batch, labels)`` that queries ``(batch, size)``, of unit length, name each sound."""
        return SCALE * pooled @ self.weights.T + self.bias

    @classmethod
    def fit(cls, wordings: Sequence[Tensor]) -> Recogniser | None:
        """Learn from the sentence vectors ``(wordings, size)`` of each sound.

        Logistic regression with a squared penalty: it has one minimum, which is approached without chance. A wording
        filed under two sounds counts for both and against neither. None for fewer than two sounds, where there is
        nothing to tell apart, or for more than MOST_SOUNDS.
        """
        import torch
        from torch.nn.functional import binary_cross_entropy_with_logits, normalize

        if not 2 <= len(wordings) <= MOST_SOUNDS:
            return None
        # On one processor in double precision, wherever the vectors are: a checkpoint comes out the same everywhere.
        vectors, place = torch.unique(
            normalize(torch.cat(list(wordings)).detach().double().cpu(), dim=1), dim=0, return_inverse=True
        )
        owner = torch.arange(len(wordings)).repeat_interleave(torch.tensor([len(rows) for rows in wordings]))
        own = torch.zeros(len(vectors), len(wordings), dtype=torch.double)
        own[place, owner] = 1
        counts = own * SHARE / own.sum(0) + (1 - own) / (1 - own).sum(0).clamp(min=1)
        weights = torch.zeros(len(wordings), vectors.shape[1], dtype=torch.double, requires_grad=True)
        bias = torch.full((len(wordings),), -4.0, dtype=torch.double, requires_grad=True)
        optimiser = torch.optim.LBFGS([weights, bias], max_iter=STEPS, line_search_fn="strong_wolfe")

        def loss() -> float:
            optimiser.zero_grad()
            odds = SCALE * vectors @ weights.T + bias
            wrong = binary_cross_entropy_with_logits(odds, own, weight=counts, reduction="sum")
            total = wrong + DECAY * weights.square().sum()
            total.backward()
            return float(total.detach())

        with torch.enable_grad():
            optimiser.step(loss)
        return cls(weights.detach().float(), bias.detach().float())
