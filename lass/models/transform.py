"""The short-time Fourier transform of a recording piece by piece, and back."""

import torch
from torch import Tensor
from torch.nn.functional import pad

from lass.models.spectrum import Spectrum
from lass.waveforms import Waveform


class Analysis:
    """Any frames of a recording's spectrogram, as :class:`Spectrum` gives them.

    Args:
        spectrum: window and hop.
        waveform: ``(channels, samples)``, read only where it is needed.
    """

    def __init__(self, spectrum: Spectrum, waveform: Tensor | Waveform) -> None:
        self.spectrum = spectrum
        samples = waveform.shape[1]
        self.frames = spectrum.frames(samples)
        missing = spectrum.missing(samples)
        self.length = samples + missing
        self.waveform = pad(torch.as_tensor(waveform[..., 0:samples]), (0, missing)) if missing else waveform

    def __call__(self, first: int, last: int) -> Tensor:
        """Frames ``first`` to ``last``, complex ``(channels, last - first, bins)``."""
        spectrum, length = self.spectrum, self.length
        begin = first * spectrum.hop - spectrum.window // 2
        end = (last - 1) * spectrum.hop + spectrum.window // 2 + spectrum.window % 2
        if begin >= 0 and end <= length:
            samples = torch.as_tensor(self.waveform[..., begin:end])
        else:
            # Mirrored at the recording's ends.
            places = torch.arange(begin, end).abs()
            places = torch.where(places < length, places, 2 * (length - 1) - places)
            lowest = int(places.min())
            samples = torch.as_tensor(self.waveform[..., lowest : int(places.max()) + 1])[:, places - lowest]
        frames = torch.stft(
            samples, spectrum.window, spectrum.hop, window=spectrum.hann, center=False, return_complex=True
        )
        return frames.transpose(1, 2)


class Synthesis:
    """A waveform from the frames of its spectrogram, which come in order and in groups of any size.

    Args:
        spectrum: window and hop.
        samples: of the waveform.
    """

    def __init__(self, spectrum: Spectrum, samples: int) -> None:
        self.spectrum = spectrum
        self.samples = samples
        self.total = spectrum.frames(samples)
        self.first = 0  # the frame that `kept` begins with
        self.done = 0
        self.kept: Tensor | None = None

    def __call__(self, frames: Tensor) -> Tensor:
        """The next frames ``(channels, frames, bins)``; returns the samples that they complete."""
        spectrum, half = self.spectrum, self.spectrum.window // 2
        self.kept = frames if self.kept is None else torch.cat([self.kept, frames], dim=1)
        end = self.first + self.kept.shape[1]
        # A sample is complete when the next frame begins behind it.
        ready = self.samples if end == self.total else min(self.samples, max(0, end * spectrum.hop - half))
        if ready <= self.done:
            return frames.real.new_empty(len(frames), 0)
        begin = self.first * spectrum.hop
        length = ready + (spectrum.missing(self.samples) if end == self.total else 0) - begin
        waveform = torch.istft(
            self.kept.transpose(1, 2), spectrum.window, spectrum.hop, window=spectrum.hann, center=True, length=length
        )
        part = waveform[:, self.done - begin : ready - begin]
        self.done = ready
        # Frames that reach beyond what is done are needed again.
        needed = max(0, (self.done + half - spectrum.window) // spectrum.hop)
        self.kept = self.kept[:, needed - self.first :].clone()
        self.first = needed
        return part
