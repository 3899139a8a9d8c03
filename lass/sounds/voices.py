"""Voices that say nothing: glottal pulses and breath, shaped by moving formants in the rhythm of speech."""

from dataclasses import dataclass

import numpy as np

from lass.sounds.blocks import Signal, drift, log_uniform, morph, phase_of

# Vowel formants in hertz of an average adult (rounded from Peterson and Barney, 1952).
_VOWELS = np.array(
    [
        (270, 2290, 3010), (390, 1990, 2550), (530, 1840, 2480), (660, 1720, 2410), (730, 1090, 2440),
        (570, 840, 2410), (440, 1020, 2240), (300, 870, 2240), (640, 1190, 2390), (490, 1350, 1690),
    ],
    dtype=np.float32,
)  # fmt: skip
_OPEN = 8  # the row of the vowel one laughs on
_FOURTH = 3500.0  # hertz; the fourth formant hardly moves


@dataclass(frozen=True)
class _Syllables:
    """What is said, one entry per syllable: times in seconds, formants, pitches and consonants in hertz."""

    starts: np.ndarray
    lengths: np.ndarray
    formants: np.ndarray
    pitch: np.ndarray
    stress: np.ndarray
    rush: np.ndarray
    hiss: np.ndarray
    onset: float

    @property
    def centres(self) -> np.ndarray:
        return self.starts + 0.6 * self.lengths

    def at(self, seconds: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """At these times: how loud the vowel is, how loud the consonant, and where it lies in hertz."""
        index = np.clip(np.searchsorted(self.starts, seconds, side="right") - 1, 0, len(self.starts) - 1)
        u = (seconds - self.starts[index]) / self.lengths[index]
        inside = (u >= 0) & (u < 1)
        vowel = inside * self.stress[index] * np.sin(np.pi * np.clip((u - 0.15) / 0.85, 0, 1)) ** 0.6
        consonant = inside * self.rush[index] * np.sin(np.pi * np.clip(u / self.onset, 0, 1))
        return vowel.astype(np.float32), consonant.astype(np.float32), self.hiss[index].astype(np.float32)


def _talk(seconds: float, rng: np.random.Generator, laugh: bool) -> _Syllables:
    """Random syllables for this long. Laughter is the same open syllable, aspirated, at an even pace."""
    deep = rng.random() < 0.5
    base = (log_uniform(rng, 88, 145) if deep else log_uniform(rng, 165, 265)) * (1.5 if laugh else 1.0)
    tract = (1.0 if deep else 1.14) * rng.uniform(0.93, 1.07)
    count = int(seconds * 8) + 12
    stress = np.exp(0.3 * rng.standard_normal(count))
    lengths = rng.uniform(0.15, 0.22) * (np.ones(count) if laugh else np.exp(0.35 * rng.standard_normal(count)))
    last = rng.random(count) < 0.13  # the last syllable of its phrase
    pauses = np.where(last, rng.uniform(0.2, 0.9, count) * (2.5 if laugh else 1.0), 0.0)
    starts = np.concatenate([[0.0], np.cumsum(lengths + pauses)[:-1]]) - rng.uniform(0.0, 1.0)
    # Pitch falls over each phrase and rises on stressed syllables.
    phrase: np.ndarray = np.cumsum(last) - last
    since = starts - np.array([starts[phrase == p].min() for p in phrase])
    bend = 1.2 - 0.14 * np.minimum(since, 2.5) + 0.2 * (stress - 1) + 0.07 * rng.standard_normal(count)
    return _Syllables(
        starts=starts,
        lengths=lengths,
        formants=_VOWELS[np.full(count, _OPEN) if laugh else rng.integers(0, len(_VOWELS), count)] * tract,
        pitch=base * np.clip(bend, 0.7, 1.8),
        stress=stress,
        rush=np.full(count, 0.5) if laugh else rng.random(count) * (rng.random(count) < 0.7),
        hiss=np.full(count, 1200.0) if laugh else rng.choice([800.0, 2400.0, 3800.0, 6000.0], count),
        onset=0.6 if laugh else 0.35,
    )


def voice(seconds: float, rate: int, rng: np.random.Generator, *, laugh: bool = False) -> Signal:
    """One person talking, or laughing, for `seconds` at `rate` hertz: float32 (samples,) of unit power."""
    samples = round(seconds * rate)
    said = _talk(seconds, rng, laugh)
    centres = said.centres
    coarse = np.arange(0, seconds + 0.02, 0.01)
    t = np.arange(samples, dtype=np.float32) / np.float32(rate)
    pitch = np.interp(t, coarse, np.interp(coarse, centres, said.pitch)).astype(np.float32)
    cycles = phase_of(pitch * (1 + 0.012 * drift(samples, rate, rng, 25)), rate)
    # The glottal flow p^2 (o - p) while the glottis is open (a share o of the period), differentiated.
    p: np.ndarray = (cycles - np.floor(cycles)).astype(np.float32)
    opened = np.float32(rng.uniform(0.5, 0.75))
    pulses = np.where(p < opened, 2 * p - 3 * p * p / opened, 0)
    breath = rng.standard_normal(samples, dtype=np.float32) * 0.25
    widths = np.array([80, 110, 160, 250], dtype=np.float32) * np.float32(rng.uniform(0.8, 1.3))
    weights = (1.0, rng.uniform(0.5, 0.8), rng.uniform(0.25, 0.5), rng.uniform(0.1, 0.25))

    def throat(frame: np.ndarray, hertz: np.ndarray) -> np.ndarray:
        times = frame[:, 0]
        paths = [np.interp(times, centres, said.formants[:, k]) for k in range(3)]
        paths.append(np.full(len(times), _FOURTH))
        gain = np.full((len(times), hertz.shape[1]), 0.01, dtype=np.float32)
        for path, width, weight in zip(paths, widths, weights, strict=True):
            away = (hertz - path[:, None].astype(np.float32)) / width
            gain += np.float32(weight) / (1 + away * away)
        return gain * said.at(times)[0][:, None]

    def mouth(frame: np.ndarray, hertz: np.ndarray) -> np.ndarray:
        _, consonant, colour = said.at(frame[:, 0])
        away = (hertz - colour[:, None]) / (0.35 * colour[:, None] + 300)
        return np.float32(0.35) * consonant[:, None] / (1 + away * away)

    out = morph(pulses, rate, throat) + morph(breath, rate, mouth)
    return out / np.float32(np.sqrt(np.mean(out * out)) + 1e-6)
