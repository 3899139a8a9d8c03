"""Another sample rate."""

import math
from collections.abc import Iterator

import numpy as np

from lass.waveforms import Waveform, padded

# Beyond this reduced ratio torchaudio's kernel, one filter per phase, would take gigabytes.
_LARGEST_RATIO = 1_000
# Zero crossings on each side of the filter. torchaudio's default of 6 costs a tone at 85 % of the Nyquist frequency
# a fifth of its amplitude; 64 takes no longer, for the kernel is as long as a period of the ratio anyway.
_WIDTH = 64
# Samples of the higher rate in a block of :func:`_by_spectrum`.
_BLOCK = 65_536


def resample(waveform: np.ndarray, from_rate: int, to_rate: int) -> np.ndarray:
    """``(…, samples)`` at another rate: float32, exactly ``ceil(samples * to_rate / from_rate)`` samples long.

    A tone up to 85 % of the lower Nyquist frequency keeps its waveform within -60 dB. At the same rate a float32
    array comes back as it is, without a copy.
    """
    samples = np.asarray(waveform, np.float32)
    if from_rate == to_rate:
        return samples
    common = math.gcd(from_rate, to_rate)
    up, down = to_rate // common, from_rate // common
    length = -(-samples.shape[-1] * up // down)
    if samples.size == 0:
        return np.zeros((*samples.shape[:-1], length), np.float32)
    if max(up, down) > _LARGEST_RATIO:
        return _by_spectrum(samples, up, down, length)
    import torch
    from torchaudio.functional import resample as polyphase

    with torch.inference_mode():
        # A copy where the array is read-only: torch knows no such thing, and warns.
        own = np.require(samples, requirements=["C", "W"])
        resampled = polyphase(torch.from_numpy(own), from_rate, to_rate, lowpass_filter_width=_WIDTH)
        return resampled[..., :length].numpy()


def resampled(waveform: Waveform, from_rate: int, to_rate: int) -> Iterator[np.ndarray]:
    """What :func:`resample` gives for ``(channels, samples)``, in blocks; memory does not grow with its length."""
    common = math.gcd(from_rate, to_rate)
    up, down = to_rate // common, from_rate // common
    # Each block begins where both rates meet, and is given more on both sides than either filter hears.
    block, context = (-(-samples // down) * down for samples in (_BLOCK, _BLOCK // 2))
    samples = waveform.shape[-1]
    for first in range(0, samples, block):
        begin, last = max(0, first - context), min(first + block, samples)
        around = resample(waveform[..., begin : last + context], from_rate, to_rate)
        skipped = (first - begin) // down * up
        yield around[..., skipped : skipped - (-(last - first) * up // down)]


def _by_spectrum(samples: np.ndarray, up: int, down: int, length: int) -> np.ndarray:
    """Resample by ``up / down`` through the spectra of overlapping blocks: for ratios without a small kernel.

    A block is a whole number of the periods in which both rates meet, so each begins on a sample of the result.
    Besides the result only one block is held at a time.
    """
    from scipy import fft

    core = -(-_BLOCK // max(up, down))
    margin = -(-_BLOCK // (4 * down))
    taken, made = (core + 2 * margin) * down, (core + 2 * margin) * up
    bins = min(taken, made) // 2 + 1
    # The last twentieth fades out, so that the filter stops ringing within the margin.
    gain = np.full(bins, made / taken, np.float32)
    fading = bins // 20
    gain[bins - fading :] *= np.cos(np.linspace(0, np.pi / 2, fading, dtype=np.float32)) ** 2
    result = np.zeros((samples.size // samples.shape[-1], length), np.float32)
    for row, given in zip(result, samples.reshape(-1, samples.shape[-1]), strict=True):
        for index in range(-(-length // (core * up))):
            start = (index * core - margin) * down
            spectrum = np.zeros(made // 2 + 1, np.complex64)
            spectrum[:bins] = fft.rfft(padded(given, start, start + taken))[:bins] * gain
            piece = row[index * core * up : (index + 1) * core * up]
            piece[:] = fft.irfft(spectrum, made)[margin * up : margin * up + len(piece)]
    return result.reshape(*samples.shape[:-1], length)
