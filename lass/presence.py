"""How much of a recording a sound has in it, by what a model separates from excerpts."""

from collections.abc import Callable, Sequence

import numpy as np
import torch
from torch import Tensor

from lass.waveforms import Waveform

# A few seconds here and there tell which sounds a recording holds, at a cost that does not grow with it.
EXCERPTS = 3
SECONDS = 4.0


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

    0 for silence.
    """
    energy = sum(float(part.double().square().sum()) for part in parts)
    found = sum(float(estimate(part).double().square().sum()) for part in parts)
    return found / energy if energy > 0 else 0.0
