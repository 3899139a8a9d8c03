"""How much of a few excerpts of a recording a sound has in it, by what a model separates from them."""

from collections.abc import Callable, Sequence

import numpy as np
import torch
from torch import Tensor

from lass.waveforms import Waveform

# A few seconds here and there tell which sounds go on in a recording, at a cost that does not grow with it. What is
# short and between them is missed.
EXCERPTS = 3
SECONDS = 3.2


def excerpts(mixture: Waveform, sample_rate: int) -> list[np.ndarray]:
    """The whole of a short recording ``(channels, samples)``, or EXCERPTS parts of SECONDS, evenly apart."""
    samples, length = mixture.shape[1], round(SECONDS * sample_rate)
    if samples <= EXCERPTS * length:
        return [np.asarray(mixture[..., :samples])]
    starts = np.linspace(0, samples - length, EXCERPTS).astype(int)
    return [np.asarray(mixture[..., start : start + length]) for start in starts]


@torch.inference_mode()
def share(parts: Sequence[Tensor], estimate: Callable[[Tensor], Tensor]) -> float:
    """The energy that ``estimate`` finds in ``parts``, each ``(1, channels, samples)``, over the energy they have.

    Between 0 and 1; 0 for silence.
    """
    energy = sum(float(part.double().square().sum()) for part in parts)
    if energy == 0:
        return 0.0
    found = sum(float(estimate(part).double().square().sum()) for part in parts)
    return min(found / energy, 1.0)
