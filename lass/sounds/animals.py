"""Animals: an owl, crickets, small birds and a humpback whale."""

from collections.abc import Callable

import numpy as np

from lass.sounds.blocks import Signal, add, band, drift, glide, hump, log_uniform, noise, place, tone

# Hooting phrases as (start, length) in beats: horned owl, tawny owl, and plain repeated hoots.
_OWL_PHRASES = (
    ((0.0, 0.8), (1.2, 0.45), (1.8, 0.45), (2.6, 1.0), (4.1, 1.0)),
    ((0.0, 1.2), (2.6, 0.3), (3.1, 0.3), (3.6, 1.9)),
    ((0.0, 0.5), (0.9, 0.5), (1.8, 1.5)),
    ((0.0, 0.9), (1.7, 0.9)),
)


def make_owl(seconds: float, rate: int, rng: np.random.Generator) -> Signal:
    """Hollow hoots between about 280 and 600 Hz, nearly pure, in short phrases with pauses."""
    samples = round(seconds * rate)
    out = np.zeros(samples, dtype=np.float32)
    pitch, beat = log_uniform(rng, 290, 560), rng.uniform(0.3, 0.55)
    phrase = _OWL_PHRASES[rng.integers(len(_OWL_PHRASES))]
    partials = [1.0, rng.uniform(0.03, 0.15), rng.uniform(0.01, 0.08), rng.uniform(0.0, 0.02)]
    breath, bend = rng.uniform(0.01, 0.05), rng.uniform(0.05, 0.14)
    quaver, quaver_rate = rng.uniform(0, 0.5), rng.uniform(9, 15)
    time = rng.uniform(0.0, min(0.4, 0.3 * seconds))
    while time < seconds:
        for start, length in phrase:
            last = (start, length) == phrase[-1]
            duration = 0.9 * length * beat * rng.uniform(0.9, 1.1)
            top = pitch * rng.uniform(0.98, 1.02)
            curve = glide(rate, duration, top * (1 - bend), top, top * (1 - 0.2 * bend), top * (1 - 1.2 * bend))
            shape = hump(len(curve), min(0.08 / duration, 0.4), 0.4) * rng.uniform(0.7, 1.0)
            if last and quaver > 0.2:
                t = np.arange(len(curve)) / rate
                shape = shape * (1 - quaver * (0.5 + 0.5 * np.sin(2 * np.pi * quaver_rate * t))).astype(np.float32)
            hoot = tone(curve, rate, partials)
            hoot += breath * noise(len(curve), rate, rng, lambda f: band(f, pitch * 0.8, pitch * 1.6, 3.0))
            add(out, int((time + start * beat) * rate), hoot * shape)
        time += (phrase[-1][0] + phrase[-1][1]) * beat + rng.uniform(0.6, 2.2)
    return place(out, rate, rng, decay=rng.uniform(0.5, 1.8), wet=rng.uniform(0.05, 0.3), far=rng.uniform(0, 0.6))


def make_crickets(seconds: float, rate: int, rng: np.random.Generator) -> Signal:
    """Several insects near 4 to 5.5 kHz: chirps of a few pulses, or an unbroken trill, over a far chorus."""
    samples = round(seconds * rate)
    t = np.arange(samples, dtype=np.float32) / np.float32(rate)
    out = np.zeros(samples, dtype=np.float32)
    home = min(rng.uniform(3900, 5100), 0.4 * rate)
    warmth = rng.uniform(0.8, 1.25)  # warm nights make every insect quicker
    for number in range(int(rng.integers(2, 6))):
        carrier = min(home * rng.uniform(0.92, 1.08), 0.42 * rate)
        period = rng.uniform(0.02, 0.032) / warmth
        filled = rng.uniform(0.55, 0.8)
        beat = t / np.float32(period) + np.float32(rng.uniform(0, 1)) + 0.3 * drift(samples, rate, rng, 3)
        within = (beat - np.floor(beat)) / np.float32(filled)
        pulse = np.where(within < 1, np.sin(np.pi * np.minimum(within, 1)), 0)
        if number == 0 or rng.random() < 0.65:
            every = int(rng.integers(12, 30))
            pulses = int(rng.integers(3, 7))
            turn = np.mod(np.floor(beat) + rng.integers(every), every)
            pulse = pulse * (turn < pulses) * (0.6 + 0.4 * turn / pulses)
        else:
            pulse = pulse * 0.4
        # The wing closes ever more slowly within a pulse, so its tone falls a little.
        frequency = carrier * (1 + 0.006 * drift(samples, rate, rng, 1.5) - 0.012 * np.minimum(within, 1))
        nearness = log_uniform(rng, 0.2, 1.0) if number else 1.0
        song = tone(frequency, rate, [1.0, rng.uniform(0.0, 0.06)])
        out += (song * pulse * nearness * (0.85 + 0.15 * drift(samples, rate, rng, 0.7))).astype(np.float32)
    # Farther insects, too many to tell apart, smear into a narrow band around the same pitch.
    width = rng.uniform(120, 400)
    chorus = noise(samples, rate, rng, lambda f: 1 / (1 + ((f - home) / width) ** 2) + 0.02 * band(f, 100, 600))
    out += log_uniform(rng, 0.01, 0.15) * chorus * (0.7 + 0.3 * drift(samples, rate, rng, 5))
    return place(out, rate, rng, decay=rng.uniform(0.2, 0.8), wet=rng.uniform(0.05, 0.35), far=rng.uniform(0, 0.3))


def _bird_syllable(rate: int, rng: np.random.Generator, pitch: float) -> Callable[[], Signal]:
    """One syllable of a bird's repertoire, as a function that sings it: a sweep, an arch or a warble."""
    length = rng.uniform(0.035, 0.14)
    spread = rng.uniform(1.15, 1.8)
    kind = rng.integers(4)
    bends = {
        0: (pitch * spread, pitch), 1: (pitch, pitch * spread, pitch * 0.95),
        2: (pitch, pitch * spread), 3: (pitch * 1.1, pitch, pitch * spread, pitch * 1.05),
    }[int(kind)]  # fmt: skip
    warble, warble_rate = rng.uniform(0, 0.07) * (rng.random() < 0.4), rng.uniform(25, 60)
    partials = [1.0, rng.uniform(0, 0.12), rng.uniform(0, 0.04)]
    attack = rng.uniform(0.1, 0.5)

    def sing() -> Signal:
        curve = glide(rate, length * rng.uniform(0.92, 1.08), *(b * rng.uniform(0.99, 1.01) for b in bends))
        t = np.arange(len(curve), dtype=np.float32) / np.float32(rate)
        curve = curve * (1 + np.float32(warble) * np.sin(np.float32(2 * np.pi * warble_rate) * t))
        return tone(curve, rate, partials) * hump(len(curve), attack, 0.5)

    return sing


def make_birds(seconds: float, rate: int, rng: np.random.Generator) -> Signal:
    """Two to four small birds between about 2 and 8 kHz: phrases of sweeps, repeated chirps and trills."""
    samples = round(seconds * rate)
    out = np.zeros(samples, dtype=np.float32)
    for number in range(int(rng.integers(2, 5))):
        home = min(log_uniform(rng, 2200, 5200), 0.25 * rate)
        repertoire = [_bird_syllable(rate, rng, home * rng.uniform(0.8, 1.25)) for _ in range(4)]
        near = 1.0 if number == 0 else log_uniform(rng, 0.15, 0.8)
        time = rng.uniform(0, 0.3 * min(seconds, 1.0)) if number == 0 else rng.uniform(0, seconds)
        while time < seconds:
            sing = repertoire[rng.integers(4)]
            trill = rng.random() < 0.35
            gap = rng.uniform(0.055, 0.1) if trill else rng.uniform(0.12, 0.28)
            for _ in range(int(rng.integers(6, 16) if trill else rng.integers(1, 5))):
                if not trill and rng.random() < 0.4:
                    sing = repertoire[rng.integers(4)]
                song = sing()
                add(out, int(time * rate), song * np.float32(near * rng.uniform(0.7, 1.0)))
                time += max(gap, len(song) / rate * 1.05) * rng.uniform(0.95, 1.05)
            time += rng.uniform(0.15, 1.1)
    out += rng.uniform(0.0, 0.006) * noise(samples, rate, rng, lambda f: band(f, 200, 4000, 1.0))
    return place(out, rate, rng, decay=rng.uniform(0.3, 1.2), wet=rng.uniform(0.05, 0.4), far=rng.uniform(0, 0.25))


def make_whale(seconds: float, rate: int, rng: np.random.Generator) -> Signal:
    """A humpback: moans and cries with many harmonics that glide from 100 to 1500 Hz in a vast room."""
    samples = round(seconds * rate)
    out = np.zeros(samples, dtype=np.float32)
    time = -rng.uniform(0.0, 0.3)
    richness = rng.uniform(1.6, 3.0)
    while time < seconds:
        low = rng.random() < 0.4
        pitch = log_uniform(rng, 95, 220) if low else log_uniform(rng, 260, 850)
        length = rng.uniform(0.7, 2.4)
        points = pitch * np.exp(np.cumsum(rng.normal(0, 0.22, int(rng.integers(3, 6)))))
        if rng.random() < 0.4:
            points[-1] = points[-2] * rng.choice([0.5, 0.65, 1.7, 2.1])  # ends in a sweep
        curve = glide(rate, length, *np.clip(points, 80, 1600))
        t = np.arange(len(curve), dtype=np.float32) / np.float32(rate)
        depth = rng.uniform(0, 0.015)
        curve = curve * (1 + np.float32(depth) * np.sin(np.float32(2 * np.pi * rng.uniform(3, 8)) * t))
        partials = np.arange(1, 21) ** -richness * np.exp(0.35 * rng.standard_normal(20))
        if rng.random() < 0.3:
            partials[0] *= 0.3
        cry = tone(curve, rate, list(partials))
        if low and rng.random() < 0.4:  # a creaking, pulsed moan
            cry = cry * (0.55 + 0.45 * np.sin(np.float32(2 * np.pi * rng.uniform(14, 30)) * t))
        add(out, int(time * rate), cry * hump(len(curve), 0.25, 0.35) * np.float32(rng.uniform(0.5, 1.0)))
        time += length * rng.uniform(0.75, 1.05) + rng.uniform(0.0, 0.7)
    sea = noise(samples, rate, rng, lambda f: band(f, 30, 250, 1.5))
    out += rng.uniform(0.005, 0.03) * sea
    return place(out, rate, rng, decay=rng.uniform(1.5, 3.5), wet=rng.uniform(0.4, 1.0), far=rng.uniform(0.1, 0.9))
