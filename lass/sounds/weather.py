"""Weather and water: rain, wind and surf."""

import numpy as np

from lass.sounds.blocks import Signal, band, drift, log_uniform, morph, noise, place, strikes


def make_rain(seconds: float, rate: int, rng: np.random.Generator) -> Signal:
    """A broad hiss of uncounted drops with single ones close by: clicks and the ring of entrained bubbles."""
    samples = round(seconds * rate)
    knee, slope, body = rng.uniform(3000, 10000), rng.uniform(0.8, 1.8), rng.uniform(200, 900)
    hiss = noise(samples, rate, rng, lambda f: band(f, body, knee, slope))
    out = hiss * (1 + 0.12 * drift(samples, rate, rng, 1.0) + 0.05 * drift(samples, rate, rng, 30))
    count = max(int(log_uniform(rng, 40, 220) * seconds), 3)
    low, high = rng.uniform(700, 1800), rng.uniform(5000, 10000)
    hertz = np.exp(rng.uniform(np.log(low), np.log(high), count))
    decay = rng.uniform(0.0008, 0.005, count) * (low / hertz) ** 0.3
    level = np.exp(0.7 * rng.standard_normal(count)) * rng.uniform(1.2, 3.0) * rng.choice([-1.0, 1.0], count)
    out += strikes(samples, rate, rng.uniform(0, seconds, count), hertz, decay, level)
    return place(out, rate, rng, decay=rng.uniform(0.1, 0.5), wet=rng.uniform(0.0, 0.3), far=rng.uniform(0, 0.2))


def make_wind(seconds: float, rate: int, rng: np.random.Generator) -> Signal:
    """Gusts: low noise that brightens as it swells, and a whistle that slides with the wind's speed."""
    samples = round(seconds * rate)
    gust = 0.55 + 0.3 * drift(samples, rate, rng, rng.uniform(0.3, 0.7)) + 0.15 * drift(samples, rate, rng, 2.0)
    base, whistle, pitch = rng.uniform(120, 350), rng.uniform(0.0, 1.2), log_uniform(rng, 350, 900)
    sharp = rng.uniform(0.05, 0.15)

    def gain(frame: np.ndarray, hertz: np.ndarray) -> np.ndarray:
        force = gust[np.minimum((frame[:, 0] * rate).astype(np.int64), samples - 1)][:, None]
        body = 1 / (1 + (hertz / (base * (0.4 + 2 * force))) ** 1.8)
        centre = pitch * (0.5 + force)
        howl = whistle * force / (1 + ((hertz - centre) / (sharp * centre)) ** 2)
        return (body + howl) * force**1.5 * (hertz > 30)

    out = morph(rng.standard_normal(samples, dtype=np.float32), rate, gain)
    return place(out, rate, rng, decay=0.3, wet=rng.uniform(0.0, 0.3))


def make_waves(seconds: float, rate: int, rng: np.random.Generator) -> Signal:
    """Surf: each wave swells, breaks bright and draws back hissing; the sea rumbles underneath."""
    samples = round(seconds * rate)
    period, sharp, bright = rng.uniform(2.5, 6.0), rng.uniform(0.25, 0.5), rng.uniform(2500, 7000)
    offset, floor = rng.uniform(0, 1), rng.uniform(0.05, 0.15)

    def gain(frame: np.ndarray, hertz: np.ndarray) -> np.ndarray:
        turn = np.mod(frame / np.float32(period) + np.float32(offset), 1.0)
        swell = np.where(turn < sharp, (turn / sharp) ** 2, ((1 - turn) / (1 - sharp)) ** 1.6) + floor
        tilt = 1 / (1 + hertz / (200 + bright * swell)) ** 1.4
        hiss = 0.3 * np.maximum(1 - turn, 0) * (turn > sharp) * band(hertz, 2000, 9000)
        return (tilt + hiss) * swell * (hertz > 25)

    out = morph(rng.standard_normal(samples, dtype=np.float32), rate, gain)
    out *= 1 + 0.25 * drift(samples, rate, rng, 6)
    return place(out, rate, rng, decay=0.3, wet=rng.uniform(0.0, 0.2), far=rng.uniform(0, 0.3))
