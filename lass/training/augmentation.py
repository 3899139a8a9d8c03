"""Changes that leave a sound what it is: its speed, colour, room and recorder. All on one Fourier transform.

Every source of a mixture is changed on its own, before sources are added, so the target in the mixture and the
target that is asked for are the same.
"""

import numpy as np
from scipy import fft

from lass.training.recipe import Mixing

# Seconds that a synthetic room takes to fall by 60 dB, and decibels of the direct sound over its tail.
ROOM_SECONDS = (0.1, 0.8)
ROOM_DIRECT = (-3.0, 9.0)
ROOM_DELAY = (0.002, 0.02)
# Hertz between which the edges of a poor recording lie; both slopes fall by 12 dB an octave.
LOW_PASS = (1500.0, 12_000.0)
HIGH_PASS = (60.0, 500.0)
# Decibels of a second clip of the same sound over the first.
LAYER = (-12.0, 0.0)


def augment(sound: np.ndarray, samples: int, settings: Mixing, rng: np.random.Generator) -> np.ndarray:
    """Play ``sound`` so that it fills ``samples``, through a random smooth equaliser, with a random polarity.

    Both happen on one Fourier transform: a longer or shorter inverse resamples, a curve over the bins equalises.
    So do a room and the limits of a recorder, where the settings ask for them; the level stays what it was before
    these two. Short fades hide the wrap-around; the tail of a room wraps around too, as that of an earlier sound.
    """
    fade = min(len(sound) // 4, 160)
    ramp = np.linspace(0.0, 1.0, fade, dtype=np.float32)
    sound = sound.copy()
    sound[:fade] *= ramp
    sound[-fade:] *= ramp[::-1]
    spectrum = fft.rfft(sound)
    bins = samples // 2 + 1
    fitted = np.zeros(bins, np.complex64)
    kept = min(bins, len(spectrum))
    # Six random gains, evenly spaced over the octaves, joined by straight lines.
    octaves = np.log2(np.arange(kept) + 1.0) / np.log2(kept + 1.0)
    gains = rng.uniform(-settings.equaliser, settings.equaliser, 6) if settings.equaliser else np.zeros(6)
    curve = 10 ** (np.interp(octaves, np.linspace(0.4, 1.0, 6), gains) / 20)
    fitted[:kept] = spectrum[:kept] * curve * (samples / len(sound)) * rng.choice([-1.0, 1.0])
    # What is off draws no numbers, so that a recipe without it meets the same mixtures as before.
    rate = samples / settings.seconds
    if settings.reverb and rng.random() < settings.reverb:
        fitted = _level_kept(fitted, room(samples, rate, rng))
    if settings.band and rng.random() < settings.band:
        fitted = _level_kept(fitted, band(samples, rate, rng))
    return fft.irfft(fitted, samples).astype(np.float32)


def layered(sound: np.ndarray, other: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Two crops of the same kind of sound at once, the second at a random level under the first, at the first's level.

    Silence has no level to match: where either is silent, the first comes back alone.
    """
    own, added = _energy(sound), _energy(other)
    if min(own, added) <= 0:
        return sound
    both = sound + other * np.float32(10 ** (rng.uniform(*LAYER) / 20) * np.sqrt(own / added))
    return (both * np.float32(np.sqrt(own / max(_energy(both), 1e-12)))).astype(np.float32)


def room(samples: int, rate: float, rng: np.random.Generator) -> np.ndarray:
    """The transfer function of a random room, complex ``(samples // 2 + 1,)``.

    The direct sound, then after a few milliseconds noise that falls exponentially, by 60 dB in 0.1 to 0.8 s.
    """
    decay = rng.uniform(*ROOM_SECONDS)
    delay = int(rng.uniform(*ROOM_DELAY) * rate)
    length = min(int(decay * rate), samples - delay)
    response = np.zeros(samples, np.float32)
    time = np.arange(length, dtype=np.float32) / np.float32(rate)
    tail = rng.standard_normal(length, dtype=np.float32) * np.exp(np.float32(-np.log(1000) / decay) * time)
    tail *= np.float32(10 ** (-rng.uniform(*ROOM_DIRECT) / 20)) / np.sqrt(np.sum(tail**2))
    response[delay : delay + length] = tail
    response[0] += 1
    return np.asarray(fft.rfft(response))


def band(samples: int, rate: float, rng: np.random.Generator) -> np.ndarray:
    """The magnitudes of a recorder that loses the top, the bottom or both, float ``(samples // 2 + 1,)``."""
    hertz = np.fft.rfftfreq(samples, 1 / rate)
    kind = int(rng.integers(3))
    curve = np.ones(len(hertz))
    if kind != 1:
        curve /= np.sqrt(1 + (hertz / _octave_uniform(LOW_PASS, rng)) ** 4)
    if kind != 0:
        edge = _octave_uniform(HIGH_PASS, rng)
        curve *= hertz**2 / np.sqrt(hertz**4 + edge**4)
    return curve


def _octave_uniform(limits: tuple[float, float], rng: np.random.Generator) -> float:
    return float(np.exp(rng.uniform(*np.log(limits))))


def _level_kept(spectrum: np.ndarray, transfer: np.ndarray) -> np.ndarray:
    changed = spectrum * transfer
    energy = _energy(np.abs(changed))
    gain = np.sqrt(_energy(np.abs(spectrum)) / energy) if energy > 0 else 1.0
    return np.asarray(changed * gain, np.complex64)


def _energy(values: np.ndarray) -> float:
    return float(np.sum(np.square(values, dtype=np.float64)))
