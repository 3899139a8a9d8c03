"""What people do: knock, talk at a party, walk."""

import numpy as np

from lass.sounds.blocks import (
    Signal,
    add,
    bursts,
    grains,
    log_uniform,
    place,
    rhythm,
    strikes,
    struck,
)
from lass.sounds.voices import voice


def make_knocking(seconds: float, rate: int, rng: np.random.Generator) -> Signal:
    """Knuckles on wood: groups of two to five strokes, panel modes from 90 Hz up that die in 5 to 60 ms."""
    samples = round(seconds * rate)
    tempo = rng.uniform(0.13, 0.26)
    times: list[float] = []
    time = rng.uniform(0.0, min(0.4, 0.3 * seconds))
    while time < seconds:
        for _ in range(int(rng.integers(2, 6))):
            times.append(time)
            time += tempo * rng.uniform(0.9, 1.1)
        time += rng.uniform(0.35, 1.1)
    when = np.array(times)
    lowest = log_uniform(rng, 90, 190)
    modes = lowest * np.cumprod(np.concatenate([[1.0], rng.uniform(1.12, 1.4, 12)]))
    decays = rng.uniform(0.02, 0.055) * (modes / lowest) ** -rng.uniform(0.6, 0.9)
    levels = (modes / lowest) ** -rng.uniform(0.3, 0.8) * rng.uniform(0.5, 1.0, len(modes))
    out = strikes(samples, rate, *struck(rng, when, modes, decays, levels))
    out += rng.uniform(0.15, 0.5) * bursts(samples, rate, rng, when, rng.uniform(0.002, 0.006), 400, 3500)
    return place(out, rate, rng, decay=rng.uniform(0.15, 0.7), wet=rng.uniform(0.1, 0.5), far=rng.uniform(0, 0.4))


def make_chatter(seconds: float, rate: int, rng: np.random.Generator) -> Signal:
    """A party: several talkers at once, a murmuring crowd behind them, some laughter, glasses, a room."""
    samples = round(seconds * rate)
    out = np.zeros(samples, dtype=np.float32)
    crowd = np.zeros(samples, dtype=np.float32)
    for number in range(int(rng.integers(4, 6))):
        talker = voice(seconds, rate, rng, laugh=number == 0 and rng.random() < 0.5)
        out += talker * np.float32(rng.uniform(0.4, 1.0))
        # Backwards and elsewhere in time a voice passes for another one: the crowd costs nothing.
        crowd += np.roll(talker[::-1], rng.integers(samples)) + np.roll(talker, rng.integers(samples))
    out += crowd * np.float32(rng.uniform(0.12, 0.4))
    glasses = rng.uniform(0, seconds, rng.poisson(rng.uniform(0.4, 1.6) * seconds))
    if len(glasses):
        ring = log_uniform(rng, 1900, 3200)
        modes = ring * np.array([1.0, 1.72, 2.34, 3.1]) * rng.uniform(0.97, 1.03, 4)
        levels = rng.uniform(0.4, 1.3) * np.array([1.0, 0.7, 0.5, 0.3])
        out += strikes(samples, rate, *struck(rng, glasses, modes, rng.uniform(0.03, 0.12, 4), levels))
    return place(out, rate, rng, decay=rng.uniform(0.4, 1.1), wet=rng.uniform(0.3, 0.8), far=rng.uniform(0, 0.4))


def make_footsteps(seconds: float, rate: int, rng: np.random.Generator) -> Signal:
    """Walking at 1.5 to 2.3 steps a second on gravel, on a hard floor or on boards; heel first, then sole."""
    samples = round(seconds * rate)
    out = np.zeros(samples, dtype=np.float32)
    steps = rhythm(seconds, rng, 1 / rng.uniform(1.5, 2.3), 0.03)
    roll = rng.uniform(0.08, 0.14)  # from heel to sole, seconds
    kind = rng.random()
    if kind < 0.5:
        low, high, density = rng.uniform(900, 1800), rng.uniform(6000, 11000), log_uniform(rng, 500, 1400)
        for number, step in enumerate(steps):
            side = 1.0 if number % 2 else rng.uniform(0.85, 1.1)
            heel = grains(rate, rng, rng.uniform(0.09, 0.16), density, low * side, high)
            sole = grains(rate, rng, rng.uniform(0.12, 0.2), density * 0.8, low * side, high * 0.9)
            add(out, int(step * rate), heel * np.float32(rng.uniform(0.8, 1.1)))
            add(out, int((step + 0.6 * roll) * rate), sole * np.float32(rng.uniform(0.5, 0.8)))
        out += 1.2 * bursts(samples, rate, rng, steps, 0.02, 60, 220)
    else:
        wood = kind > 0.75
        root = log_uniform(rng, 80, 150) if wood else log_uniform(rng, 240, 480)
        modes = root * np.array([1.0, 1.8, 2.9, 4.6, 7.1, 10.3]) * rng.uniform(0.93, 1.07, 6)
        decays = (rng.uniform(0.02, 0.04) if wood else rng.uniform(0.008, 0.018)) * np.linspace(1.5, 0.4, 6)
        levels = np.linspace(1.0, 0.25, 6) if wood else np.array([0.5, 0.8, 1.0, 1.0, 0.8, 0.5])
        out += strikes(samples, rate, *struck(rng, steps, modes, decays, levels))
        out += strikes(samples, rate, *struck(rng, steps + roll, modes * 1.1, decays * 0.8, levels * 0.35))
        out += rng.uniform(0.3, 1.0) * bursts(samples, rate, rng, steps, rng.uniform(0.002, 0.006), 900, 6000)
        out += 0.25 * bursts(samples, rate, rng, steps + roll, 0.02, 700, 4000)  # the sole scuffs
    indoors = kind >= 0.5
    decay, wet = (rng.uniform(0.3, 1.2), rng.uniform(0.15, 0.6)) if indoors else (0.2, rng.uniform(0.0, 0.15))
    return place(out, rate, rng, decay=decay, wet=wet, far=rng.uniform(0, 0.2))
