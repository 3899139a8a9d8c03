"""The short-time Fourier transform every network shares."""

import torch
from torch import Tensor, nn

FLOOR = 1e-10


class Spectrum(nn.Module):
    """Centred one-sided STFT with a periodic Hann window, unnormalised, and its inverse.

    ``torch.stft`` agrees with the fixed DFT convolutions inside the published checkpoints to 4e-6, so those are
    never loaded.
    """

    hann: Tensor

    def __init__(self, window: int, hop: int) -> None:
        super().__init__()
        self.window = window
        self.hop = hop
        # Not persistent: a window is a function of the configuration, not a weight.
        self.register_buffer("hann", torch.hann_window(window), persistent=False)

    @property
    def bins(self) -> int:
        """Frequency bins, the one at Nyquist included."""
        return self.window // 2 + 1

    def forward(self, waveform: Tensor) -> Tensor:
        """``(batch, channels, samples)`` to a complex spectrogram ``(batch, channels, frames, bins)``."""
        padded = nn.functional.pad(waveform, (0, self.missing(waveform.shape[-1])))
        spectrum = torch.stft(
            padded.flatten(0, 1),
            self.window,
            self.hop,
            window=self.hann,
            center=True,
            pad_mode="reflect",
            return_complex=True,
        )
        return spectrum.transpose(1, 2).unflatten(0, waveform.shape[:2])

    def inverse(self, spectrum: Tensor, samples: int) -> Tensor:
        """``(batch, channels, frames, bins)`` back to a waveform ``(batch, channels, samples)``."""
        length = samples + self.missing(samples)
        waveform = torch.istft(
            spectrum.flatten(0, 1).transpose(1, 2), self.window, self.hop, window=self.hann, center=True, length=length
        )
        return waveform.unflatten(0, spectrum.shape[:2])[..., :samples]

    def frames(self, samples: int) -> int:
        """Frames of a waveform's spectrogram."""
        return 1 + (samples + self.missing(samples)) // self.hop

    def missing(self, samples: int) -> int:
        """Zeros to append: reflect padding needs more samples than half a window."""
        return max(0, self.window // 2 + 1 - samples)


def magnitude(spectrum: Tensor) -> Tensor:
    """Magnitude of a complex tensor, floored so that its gradient stays finite at silence."""
    power = spectrum.real.square() + spectrum.imag.square()
    return power.clamp(min=FLOOR).sqrt()
