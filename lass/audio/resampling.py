"""Another sample rate."""

import math

import numpy as np

# Beyond this reduced ratio torchaudio's kernel, one filter per phase, would take gigabytes.
_LARGEST_RATIO = 1_000


def resample(waveform: np.ndarray, from_rate: int, to_rate: int) -> np.ndarray:
    """``(…, samples)`` at another rate: float32, exactly ``ceil(samples * to_rate / from_rate)`` samples long.

    At the same rate a float32 array comes back as it is, without a copy.
    """
    samples = np.asarray(waveform, np.float32)
    if from_rate == to_rate:
        return samples
    common = math.gcd(from_rate, to_rate)
    up, down = to_rate // common, from_rate // common
    length = -(-samples.shape[-1] * up // down)
    if max(up, down) > _LARGEST_RATIO:
        from scipy.signal import resample_poly

        return resample_poly(samples, up, down, axis=-1)[..., :length].astype(np.float32)
    import torch
    from torchaudio.functional import resample as polyphase

    with torch.inference_mode():
        # A copy where the array is read-only: torch knows no such thing, and warns.
        own = np.require(samples, requirements=["C", "W"])
        return polyphase(torch.from_numpy(own), from_rate, to_rate)[..., :length].numpy()
