"""How alike a mixture and its target are: the filter that keeps a network from learning to return the mixture.

The cosine between two magnitude spectrograms, each taken as one long vector (FLAN-T5 and ResUNet++ thesis, section
5.3.4). Magnitudes are not negative, so it lies between 0 (nothing in common) and 1 (the same but for the level).
"""

import numpy as np
from scipy import fft

# The thesis's frames: 512 samples, 256 apart.
WINDOW, HOP = 512, 256
# So many mixtures are drawn for one that passes; then the least alike of them is taken.
TRIES = 20


def similarity(mixture: np.ndarray, target: np.ndarray, window: int = WINDOW, hop: int = HOP) -> float:
    """The cosine between two magnitude spectrograms of sounds ``(samples,)``; 0 where one of them is silent."""
    one, other = magnitudes(mixture, window, hop), magnitudes(target, window, hop)
    lengths = float(np.linalg.norm(one)) * float(np.linalg.norm(other))
    return float(np.vdot(one, other)) / lengths if lengths > 0 else 0.0


def magnitudes(sound: np.ndarray, window: int, hop: int) -> np.ndarray:
    """The magnitude spectrogram ``(frames, window // 2 + 1)`` through Hann windows, the end filled up with zeros."""
    frames = 1 + max(0, -(-(len(sound) - window) // hop))
    padded = np.zeros((frames - 1) * hop + window, np.float32)
    padded[: len(sound)] = sound
    cut = np.lib.stride_tricks.sliding_window_view(padded, window)[::hop]
    # Periodic, as spectrograms have it.
    hann = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(window) / window)
    return np.asarray(np.abs(fft.rfft(cut * hann.astype(np.float32))))
