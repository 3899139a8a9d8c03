"""What a network reads from a mixture's spectrogram and how its output maps become the target's.

Four kinds, chosen by configuration. Shapes: a spectrogram is complex ``(batch, channels, frames, bins)``, features
are ``(batch, inputs, frames, bins)`` and maps ``(batch, outputs, frames, bins)``: whatever the number of channels,
there is one estimate, and it is applied to each of them, so that a stereo image stays where it was.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

from lass.models.spectrum import FLOOR, magnitude

MaskKind = Literal["magnitude-phase", "magnitude", "real-imaginary", "complex"]


@dataclass(frozen=True)
class Mask:
    """One way of masking: how many feature planes it reads, how many maps it needs, and both functions."""

    inputs: int
    outputs: int
    features: Callable[[Tensor, float], Tensor]
    apply: Callable[[Tensor, Tensor], Tensor]


def _magnitude_features(spectrum: Tensor, power: float) -> Tensor:
    # The root mean square over channels, not the magnitude of their sum: channels of opposite sign do not cancel.
    squares = spectrum.real.square() + spectrum.imag.square()
    plain = squares.mean(1, keepdim=True).clamp(min=FLOOR).sqrt()
    return plain if power == 1.0 else plain**power


def _complex_features(spectrum: Tensor, power: float) -> Tensor:
    spectrum = spectrum.mean(1, keepdim=True)
    if power != 1.0:
        spectrum = spectrum * magnitude(spectrum) ** (power - 1.0)
    return torch.cat([spectrum.real, spectrum.imag], dim=1)


def _rotate(maps: Tensor, spectrum: Tensor) -> Tensor:
    """Sigmoid magnitude mask and a rotation of the mixture's phase (Kong et al., arXiv:2109.05418, section 3)."""
    mask = torch.sigmoid(maps[:, 0:1])
    cosine, sine = torch.tanh(maps[:, 1:2]), torch.tanh(maps[:, 2:3])
    scale = mask / magnitude(torch.complex(cosine, sine))
    return spectrum * torch.complex(cosine * scale, sine * scale)


def _scale(maps: Tensor, spectrum: Tensor) -> Tensor:
    """Sigmoid magnitude mask under the mixture's own phase."""
    return spectrum * torch.sigmoid(maps)


def _ratio(maps: Tensor, spectrum: Tensor) -> Tensor:
    """Separate ratio masks for the real and the imaginary part (SRPOL report, DCASE 2024 task 9, equation 1)."""
    return torch.complex(maps[:, 0:1] * spectrum.real, maps[:, 1:2] * spectrum.imag)


def _complex_ratio(maps: Tensor, spectrum: Tensor) -> Tensor:
    """Complex ratio mask (SRPOL report, DCASE 2024 task 9, equation 2)."""
    return spectrum * torch.complex(maps[:, 0:1], maps[:, 1:2])


MASKS: dict[MaskKind, Mask] = {
    "magnitude-phase": Mask(1, 3, _magnitude_features, _rotate),
    "magnitude": Mask(1, 1, _magnitude_features, _scale),
    "real-imaginary": Mask(2, 2, _complex_features, _ratio),
    "complex": Mask(2, 2, _complex_features, _complex_ratio),
}
