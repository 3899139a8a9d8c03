"""Sound models: everyday sounds made from physics and arithmetic, never twice the same.

Each `make_…` function takes (seconds, sample rate in hertz, generator) and returns a float32 signal. Pitch, rhythm,
timbre, distance and room are all drawn from the generator, so the same seed gives the same samples and another seed
another owl. The facts behind the models (which frequencies, how often) are in the comments.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from lass.synthesis import (
    HIGHEST,
    SPEED_OF_SOUND,
    Signal,
    add,
    band,
    drift,
    hump,
    levelled,
    log_uniform,
    morph,
    noise,
    phase_of,
    place,
    rhythm,
    strikes,
    tone,
)

Maker = Callable[[float, int, np.random.Generator], np.ndarray]


@dataclass(frozen=True)
class Sound:
    """A sound the project can make: its everyday label, other ways to ask for it, and the model that makes it."""

    label: str
    captions: tuple[str, ...]
    make: Maker


def _glide(rate: int, seconds: float, *hertz: float) -> Signal:
    """A frequency curve through equally spaced points, smoothed between them, kept below the alias limit."""
    size = max(int(seconds * rate), 16)
    position = np.linspace(0, len(hertz) - 1, size)
    index = np.minimum(position.astype(np.int64), len(hertz) - 2)
    share = position - index
    share = share * share * (3 - 2 * share)
    points = np.minimum(np.array(hertz), 0.9 * HIGHEST * rate)
    return (points[index] * (1 - share) + points[index + 1] * share).astype(np.float32)


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
    pitch, beat = log_uniform(rng, 290, 560), rng.uniform(0.28, 0.45)
    phrase = _OWL_PHRASES[rng.integers(len(_OWL_PHRASES))]
    partials = [1.0, rng.uniform(0.04, 0.2), rng.uniform(0.02, 0.1), rng.uniform(0.0, 0.03)]
    breath, bend = rng.uniform(0.01, 0.05), rng.uniform(0.03, 0.12)
    quaver, quaver_rate = rng.uniform(0, 0.5), rng.uniform(9, 15)
    time = rng.uniform(0.0, min(0.4, 0.3 * seconds))
    while time < seconds:
        for start, length in phrase:
            last = (start, length) == phrase[-1]
            duration = length * beat * rng.uniform(0.9, 1.1)
            top = pitch * rng.uniform(0.98, 1.02)
            curve = _glide(
                rate, duration, top * (1 - bend), top, top * (1 - 0.2 * bend), top * (1 - 1.2 * bend)
            )
            shape = hump(len(curve), min(0.08 / duration, 0.4), 0.4) * rng.uniform(0.7, 1.0)
            if last and quaver > 0.2:
                t = np.arange(len(curve)) / rate
                shape = shape * (1 - quaver * (0.5 + 0.5 * np.sin(2 * np.pi * quaver_rate * t))).astype(
                    np.float32
                )
            hoot = tone(curve, rate, partials)
            hoot += breath * noise(len(curve), rate, rng, lambda f: band(f, pitch * 0.8, pitch * 2.0))
            add(out, int((time + start * beat) * rate), hoot * shape)
        time += (phrase[-1][0] + phrase[-1][1]) * beat + rng.uniform(0.6, 2.2)
    return place(
        out, rate, rng, decay=rng.uniform(0.5, 1.8), wet=rng.uniform(0.1, 0.45), far=rng.uniform(0, 0.6)
    )


def make_crickets(seconds: float, rate: int, rng: np.random.Generator) -> Signal:
    """Several insects near 4 to 5.5 kHz: chirps of a few pulses, or an unbroken trill, over a quiet night."""
    samples = round(seconds * rate)
    t = np.arange(samples, dtype=np.float32) / np.float32(rate)
    out = np.zeros(samples, dtype=np.float32)
    warmth = rng.uniform(0.8, 1.25)  # warm nights make every insect quicker
    for number in range(int(rng.integers(2, 6))):
        carrier = min(rng.uniform(3700, 5400), 0.42 * rate)
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
    night = noise(samples, rate, rng, lambda f: band(f, 3000, 6500, 3.0) + 0.1 * band(f, 100, 600))
    out += rng.uniform(0.005, 0.04) * night
    return place(
        out, rate, rng, decay=rng.uniform(0.2, 0.8), wet=rng.uniform(0.05, 0.35), far=rng.uniform(0, 0.3)
    )


def _struck(
    rng: np.random.Generator, times: np.ndarray, modes: np.ndarray, decays: np.ndarray, levels: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """One set of modes struck at each of `times`, every stroke a little different, as arguments for `strikes`."""
    shape = (len(times), len(modes))
    detune = 1 + 0.008 * rng.standard_normal(shape)
    loud = np.exp(0.35 * rng.standard_normal(shape)) * np.exp(0.15 * rng.standard_normal((len(times), 1)))
    starts = np.broadcast_to(times[:, None], shape)
    decay = np.broadcast_to(decays, shape)
    return starts.ravel(), (modes * detune).ravel(), decay.ravel(), (levels * loud).ravel()


def _bursts(
    samples: int,
    rate: int,
    rng: np.random.Generator,
    times: np.ndarray,
    length: float,
    low: float,
    high: float,
) -> Signal:
    """Short noise bursts at `times` with a sharp start and a decay of `length` seconds, between `low` and `high` hertz."""
    out = np.zeros(samples, dtype=np.float32)
    size = max(int(6 * length * rate), 32)
    decay = np.exp(-np.arange(size, dtype=np.float32) / np.float32(length * rate))
    for time in times:
        burst = noise(size, rate, rng, lambda f: band(f, low, min(high, 0.45 * rate), 3.0))
        add(out, int(time * rate), burst * decay * np.float32(rng.uniform(0.7, 1.2)))
    return out


def make_knocking(seconds: float, rate: int, rng: np.random.Generator) -> Signal:
    """Knuckles on a wooden panel: groups of two to six strokes; panel modes from 90 to 1500 Hz that die in 10 to 60 ms."""
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
    modes = lowest * np.cumprod(np.concatenate([[1.0], rng.uniform(1.18, 1.55, 8)]))
    decays = rng.uniform(0.02, 0.055) * (modes / lowest) ** -0.45
    levels = (modes / lowest) ** -rng.uniform(0.2, 0.7) * rng.uniform(0.5, 1.0, len(modes))
    out = strikes(samples, rate, *_struck(rng, when, modes, decays, levels))
    out += rng.uniform(0.15, 0.5) * _bursts(samples, rate, rng, when, rng.uniform(0.002, 0.006), 400, 3500)
    return place(
        out, rate, rng, decay=rng.uniform(0.15, 0.7), wet=rng.uniform(0.1, 0.5), far=rng.uniform(0, 0.4)
    )


# Vowel formants in hertz of an average adult (rounded from Peterson and Barney, 1952).
_VOWELS = np.array(
    [
        (270, 2290, 3010), (390, 1990, 2550), (530, 1840, 2480), (660, 1720, 2410), (730, 1090, 2440),
        (570, 840, 2410), (440, 1020, 2240), (300, 870, 2240), (640, 1190, 2390), (490, 1350, 1690),
    ],
    dtype=np.float32,
)  # fmt: skip


def _syllables(
    seconds: float, rng: np.random.Generator, laugh: bool
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Starts and lengths of syllables in seconds, pauses between phrases left out, and the number of each one's phrase."""
    count = int(seconds * 8) + 12
    mean = rng.uniform(0.15, 0.22)
    lengths = mean * (np.full(count, 1.0) if laugh else np.exp(0.35 * rng.standard_normal(count)))
    ends_phrase = rng.random(count) < (0.12 if not laugh else 0.15)
    pauses = np.where(ends_phrase, rng.uniform(0.2, 0.9, count) * (2.5 if laugh else 1.0), 0.0)
    starts = np.concatenate([[0.0], np.cumsum(lengths + pauses)[:-1]]) - rng.uniform(0.0, 1.0)
    return starts, lengths, np.cumsum(ends_phrase) - ends_phrase


def _voice(seconds: float, rate: int, rng: np.random.Generator, laugh: bool) -> Signal:
    """One talker: glottal pulses and breath through moving formants, in syllables. No words, only the sound of them."""
    samples = round(seconds * rate)
    child = rng.random()
    base = log_uniform(rng, 88, 145) if child < 0.5 else log_uniform(rng, 165, 265)
    tract = (1.0 if child < 0.5 else 1.14) * rng.uniform(0.93, 1.07)
    if laugh:
        base *= 1.5
    starts, lengths, phrase = _syllables(seconds, rng, laugh)
    count = len(starts)
    vowel = _VOWELS[rng.integers(0, len(_VOWELS), count)] * tract
    if laugh:
        vowel[:] = _VOWELS[8] * tract
    stress = np.exp(0.3 * rng.standard_normal(count))
    consonant = np.full(count, 0.5) if laugh else rng.random(count) * (rng.random(count) < 0.7)
    hiss = rng.choice([800.0, 2400.0, 3800.0, 6000.0], count) if not laugh else np.full(count, 1200.0)
    centre = starts + 0.6 * lengths
    # Pitch falls over each phrase and rises on stressed syllables.
    since = starts - np.array([starts[phrase == p].min() for p in phrase])
    bend = 1.15 - 0.12 * np.minimum(since, 2.5) + 0.1 * (stress - 1) + 0.05 * rng.standard_normal(count)

    t = np.arange(samples, dtype=np.float32) / np.float32(rate)
    coarse = np.arange(0, seconds + 0.02, 0.01)
    pitch = np.interp(t, coarse, np.interp(coarse, centre, base * bend)).astype(np.float32)
    cycles = phase_of(pitch * (1 + 0.012 * drift(samples, rate, rng, 25)), rate)
    p = (cycles - np.floor(cycles)).astype(np.float32)
    opened = np.float32(rng.uniform(0.5, 0.75))  # the share of a period during which the glottis is open
    pulses = np.where(p < opened, 2 * p - 3 * p * p / opened, 0)
    breath = rng.standard_normal(samples, dtype=np.float32) * 0.25

    def moments(frame: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        index = np.clip(np.searchsorted(starts, frame, side="right") - 1, 0, count - 1)
        u = (frame - starts[index]) / lengths[index]
        inside = (u >= 0) & (u < 1)
        voiced = inside * stress[index] * np.sin(np.pi * np.clip((u - 0.15) / 0.85, 0, 1)) ** 0.6
        rushing = inside * consonant[index] * np.sin(np.pi * np.clip(u / (0.6 if laugh else 0.35), 0, 1))
        return voiced.astype(np.float32), rushing.astype(np.float32), hiss[index].astype(np.float32)

    widths = np.float32([80, 110, 160, 250]) * np.float32(rng.uniform(0.8, 1.3))
    weights = np.float32([1.0, rng.uniform(0.5, 0.8), rng.uniform(0.25, 0.5), rng.uniform(0.1, 0.25)])

    def throat(frame: np.ndarray, hertz: np.ndarray) -> np.ndarray:
        flat = frame[:, 0]
        voiced, _, _ = moments(flat)
        gain = np.zeros((len(flat), hertz.shape[1]), dtype=np.float32)
        for k in range(4):
            path = np.interp(flat, centre, vowel[:, k]) if k < 3 else np.full(len(flat), 3500 * tract)
            away = (hertz - path[:, None].astype(np.float32)) / widths[k]
            gain += weights[k] / (1 + away * away)
        return (gain + np.float32(0.01)) * voiced[:, None]

    def mouth(frame: np.ndarray, hertz: np.ndarray) -> np.ndarray:
        _, rushing, colour = moments(frame[:, 0])
        away = (hertz - colour[:, None]) / (0.35 * colour[:, None] + 300)
        return 0.35 * rushing[:, None] / (1 + away * away)

    return morph(pulses, rate, throat) + morph(breath, rate, mouth)


def make_chatter(seconds: float, rate: int, rng: np.random.Generator) -> Signal:
    """A party: several talkers at once, a murmuring crowd behind them, some laughter, glasses, a room."""
    samples = round(seconds * rate)
    out = np.zeros(samples, dtype=np.float32)
    crowd = np.zeros(samples, dtype=np.float32)
    for number in range(int(rng.integers(4, 6))):
        voice = _voice(seconds, rate, rng, laugh=number == 0 and rng.random() < 0.5)
        voice /= np.float32(np.sqrt(np.mean(voice * voice)) + 1e-6)
        out += voice * np.float32(rng.uniform(0.4, 1.0))
        # Backwards and elsewhere in time a voice passes for another one: the crowd costs nothing.
        crowd += np.roll(voice[::-1], int(rng.integers(samples))) + np.roll(voice, int(rng.integers(samples)))
    out += crowd * np.float32(rng.uniform(0.3, 0.7))
    glasses = rng.uniform(0, seconds, rng.poisson(rng.uniform(0.4, 1.6) * seconds))
    if len(glasses):
        ring = log_uniform(rng, 1900, 3200)
        modes = ring * np.array([1.0, 1.72, 2.34, 3.1]) * rng.uniform(0.97, 1.03, 4)
        levels = rng.uniform(0.4, 1.3) * np.array([1.0, 0.7, 0.5, 0.3])
        out += strikes(samples, rate, *_struck(rng, glasses, modes, rng.uniform(0.03, 0.12, 4), levels))
    return place(
        out, rate, rng, decay=rng.uniform(0.4, 1.1), wet=rng.uniform(0.3, 0.8), far=rng.uniform(0, 0.4)
    )


def make_siren(seconds: float, rate: int, rng: np.random.Generator) -> Signal:
    """An emergency vehicle: a wail between about 600 and 1500 Hz (or yelp, or two tones) that may drive past."""
    samples = round(seconds * rate)
    t = np.arange(samples, dtype=np.float32) / np.float32(rate)
    low = rng.uniform(480, 750)
    high = low * rng.uniform(1.8, 2.4)
    kind, offset = rng.random(), rng.uniform(0, 1)
    if kind < 0.65:
        turn = np.mod(t / rng.uniform(2.2, 5.5) + offset, 1.0)
        up = rng.uniform(0.3, 0.6)
        rise = 0.5 - 0.5 * np.cos(np.pi * np.where(turn < up, turn / up, (1 - turn) / (1 - up)))
        pitch = low * (high / low) ** rise
    elif kind < 0.85:
        turn = np.mod(t * rng.uniform(2.2, 3.6) + offset, 1.0)
        pitch = low * (high / low) ** np.where(turn < 0.7, turn / 0.7, (1 - turn) / 0.3)
    else:
        step = np.sin(2 * np.pi * (t / rng.uniform(0.9, 1.6) + offset))
        pitch = rng.uniform(440, 520) * (1 + rng.uniform(0.25, 0.35) * (0.5 + 0.5 * np.tanh(40 * step)))
    # Past a listener beside the road: r(t) = sqrt(d^2 + (v (t - t0))^2); Doppler factor c / (c + dr/dt).
    speed = rng.uniform(4, 22) * rng.choice([-1.0, 1.0])
    along = speed * (t - rng.uniform(-0.5, 1.5) * seconds)
    side = rng.uniform(6, 40)
    distance = np.sqrt(side**2 + along**2)
    pitch = pitch * SPEED_OF_SOUND / (SPEED_OF_SOUND + speed * along / distance)
    # A horn loudspeaker: strong, slowly falling harmonics, favouring one to three kilohertz.
    partials = np.arange(1, 13) ** -rng.uniform(0.7, 1.5) * np.exp(0.3 * rng.standard_normal(12))
    partials[0] *= rng.uniform(0.6, 1.0)
    out = tone(pitch.astype(np.float32), rate, list(partials)) * (side / distance).astype(np.float32)
    out = np.tanh(rng.uniform(0.5, 1.5) * out)
    return place(
        out, rate, rng, decay=rng.uniform(0.4, 1.6), wet=rng.uniform(0.1, 0.6), far=rng.uniform(0, 0.8)
    )


def make_skateboard(seconds: float, rate: int, rng: np.random.Generator) -> Signal:
    """Hard wheels on rough ground: rumble and hiss, rattle at the wheel's turn, double clacks at joints, a pop now and then."""
    samples = round(seconds * rate)
    t = np.arange(samples, dtype=np.float32) / np.float32(rate)
    speed = rng.uniform(1.8, 4.5)  # metres per second
    pace = 1 + 0.15 * drift(samples, rate, rng, 0.6)
    turn = phase_of(pace * speed / (np.pi * rng.uniform(0.05, 0.06)), rate)
    rattle = 1 + rng.uniform(0.15, 0.5) * np.sin(2 * np.pi * turn) + 0.3 * drift(samples, rate, rng, 60)
    low, knee, grit = rng.uniform(70, 200), rng.uniform(500, 1300), rng.uniform(0.1, 0.35)
    peak, width = rng.uniform(700, 1800), rng.uniform(150, 500)
    roll = noise(
        samples, rate, rng,
        lambda f: band(f, low, knee) + grit * band(f, 1500, 7000) + 0.4 / (1 + ((f - peak) / width) ** 2),
    )  # fmt: skip
    out = roll * (rattle * pace**2).astype(np.float32)
    joints = rhythm(seconds, rng, rng.uniform(0.9, 2.2) / speed, 0.05)
    pairs = np.concatenate([joints, joints + rng.uniform(0.33, 0.4) / speed])
    modes = log_uniform(rng, 160, 320) * np.array([1.0, 1.9, 3.3, 5.2, 8.1, 12.5]) * rng.uniform(0.9, 1.1, 6)
    decays = rng.uniform(0.008, 0.02) * np.array([1.6, 1.3, 1.0, 0.7, 0.5, 0.35])
    clack = rng.uniform(0.8, 2.5)
    out += strikes(
        samples, rate, *_struck(rng, pairs, modes, decays, clack * np.array([1.0, 0.9, 0.8, 0.7, 0.5, 0.4]))
    )
    out += 0.6 * clack * _bursts(samples, rate, rng, pairs, 0.004, 800, 6000)
    if seconds > 1.5 and rng.random() < 0.6:  # the tail hits the ground, the board flies, all wheels land
        up = rng.uniform(0.2, 0.7) * seconds
        land = up + rng.uniform(0.25, 0.45)
        out *= 1 - 0.93 * ((t > up) & (t < land)).astype(np.float32)
        hits = np.array([up, land, land + rng.uniform(0.01, 0.05)])
        out += strikes(samples, rate, *_struck(rng, hits, modes * 1.3, decays * 2, np.full(6, 2.2)))
        out += 3 * _bursts(samples, rate, rng, hits, 0.008, 500, 7000)
    return place(
        out, rate, rng, decay=rng.uniform(0.2, 0.7), wet=rng.uniform(0.05, 0.35), far=rng.uniform(0, 0.3)
    )


def _bird_syllable(rate: int, rng: np.random.Generator, pitch: float) -> Callable[[], Signal]:
    """One syllable of a bird's repertoire, as a function that sings it: a sweep, an arch, a warble or a whistle."""
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
        curve = _glide(rate, length * rng.uniform(0.92, 1.08), *(b * rng.uniform(0.99, 1.01) for b in bends))
        t = np.arange(len(curve), dtype=np.float32) / np.float32(rate)
        curve = curve * (1 + np.float32(warble) * np.sin(np.float32(2 * np.pi * warble_rate) * t))
        return tone(curve, rate, partials) * hump(len(curve), attack, 0.5)

    return sing


def make_birds(seconds: float, rate: int, rng: np.random.Generator) -> Signal:
    """Two to four small birds between about 2 and 8 kHz: phrases of quick sweeps, repeated chirps and trills."""
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
    return place(
        out, rate, rng, decay=rng.uniform(0.3, 1.2), wet=rng.uniform(0.05, 0.4), far=rng.uniform(0, 0.25)
    )


def _grains(
    rate: int, rng: np.random.Generator, length: float, density: float, low: float, high: float
) -> Signal:
    """Crunch: many tiny stone-on-stone clicks whose number swells and dies within `length` seconds."""
    size = max(int(length * rate), 64)
    count = max(int(density * length), 4)
    starts = rng.beta(1.6, 2.6, count) * length * 0.9
    hertz = np.exp(rng.uniform(np.log(low), np.log(high), count))
    level = np.exp(0.8 * rng.standard_normal(count)) * rng.choice([-1.0, 1.0], count)
    return strikes(size, rate, starts, hertz, rng.uniform(0.0004, 0.002, count), level)


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
            heel = _grains(rate, rng, rng.uniform(0.07, 0.12), density, low * side, high)
            sole = _grains(rate, rng, rng.uniform(0.12, 0.2), density * 0.8, low * side, high * 0.9)
            add(out, int(step * rate), heel * np.float32(rng.uniform(0.8, 1.1)))
            add(out, int((step + roll) * rate), sole * np.float32(rng.uniform(0.5, 0.8)))
        out += 1.2 * _bursts(samples, rate, rng, steps, 0.02, 60, 220)
    else:
        wood = kind > 0.75
        root = log_uniform(rng, 80, 150) if wood else log_uniform(rng, 240, 480)
        modes = root * np.array([1.0, 1.8, 2.9, 4.6, 7.1, 10.3]) * rng.uniform(0.93, 1.07, 6)
        decays = (rng.uniform(0.02, 0.04) if wood else rng.uniform(0.008, 0.018)) * np.linspace(1.5, 0.4, 6)
        levels = np.linspace(1.0, 0.25, 6) if wood else np.array([0.5, 0.8, 1.0, 1.0, 0.8, 0.5])
        out += strikes(samples, rate, *_struck(rng, steps, modes, decays, levels))
        out += strikes(samples, rate, *_struck(rng, steps + roll, modes * 1.1, decays * 0.8, levels * 0.35))
        out += rng.uniform(0.3, 1.0) * _bursts(
            samples, rate, rng, steps, rng.uniform(0.002, 0.006), 900, 6000
        )
        out += 0.25 * _bursts(samples, rate, rng, steps + roll, 0.02, 700, 4000)  # the sole scuffs
    indoors = kind >= 0.5
    decay, wet = (rng.uniform(0.3, 1.2), rng.uniform(0.15, 0.6)) if indoors else (0.2, rng.uniform(0.0, 0.15))
    return place(out, rate, rng, decay=decay, wet=wet, far=rng.uniform(0, 0.2))


def make_whale(seconds: float, rate: int, rng: np.random.Generator) -> Signal:
    """A humpback: moans and cries that glide between 100 and 1500 Hz, rich in harmonics, in an ocean-sized room."""
    samples = round(seconds * rate)
    out = np.zeros(samples, dtype=np.float32)
    time = -rng.uniform(0.0, 0.3)
    richness = rng.uniform(0.9, 1.8)
    while time < seconds:
        low = rng.random() < 0.4
        pitch = log_uniform(rng, 95, 220) if low else log_uniform(rng, 260, 850)
        length = rng.uniform(0.7, 2.4)
        points = pitch * np.exp(np.cumsum(rng.normal(0, 0.22, int(rng.integers(3, 6)))))
        if rng.random() < 0.4:
            points[-1] = points[-2] * rng.choice([0.5, 0.65, 1.7, 2.1])  # ends in a sweep
        curve = _glide(rate, length, *np.clip(points, 80, 1600))
        t = np.arange(len(curve), dtype=np.float32) / np.float32(rate)
        depth = rng.uniform(0, 0.025)
        curve = curve * (1 + np.float32(depth) * np.sin(np.float32(2 * np.pi * rng.uniform(3, 8)) * t))
        partials = np.arange(1, 15) ** -richness * np.exp(0.35 * rng.standard_normal(14))
        if rng.random() < 0.3:
            partials[0] *= 0.3
        cry = tone(curve, rate, list(partials))
        if low and rng.random() < 0.4:  # a creaking, pulsed moan
            cry = cry * (0.55 + 0.45 * np.sin(np.float32(2 * np.pi * rng.uniform(14, 30)) * t))
        add(out, int(time * rate), cry * hump(len(curve), 0.25, 0.35) * np.float32(rng.uniform(0.5, 1.0)))
        time += length * rng.uniform(0.75, 1.05) + rng.uniform(0.0, 0.7)
    sea = noise(samples, rate, rng, lambda f: band(f, 30, 250, 1.5))
    out += rng.uniform(0.005, 0.03) * sea
    return place(
        out, rate, rng, decay=rng.uniform(1.5, 3.5), wet=rng.uniform(0.4, 1.0), far=rng.uniform(0.1, 0.9)
    )


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
    return place(
        out, rate, rng, decay=rng.uniform(0.1, 0.5), wet=rng.uniform(0.0, 0.3), far=rng.uniform(0, 0.2)
    )


def make_bell(seconds: float, rate: int, rng: np.random.Generator) -> Signal:
    """A church bell or a hand bell: hum, prime, minor tierce, quint, nominal and above, each dying at its own pace."""
    samples = round(seconds * rate)
    small = rng.random() < 0.4
    prime = log_uniform(rng, 700, 1800) if small else log_uniform(rng, 200, 520)
    modes = (
        prime
        * np.array([0.5, 1.0, 1.19, 1.5, 2.0, 2.51, 2.66, 3.01, 4.17, 5.43])
        * rng.uniform(0.99, 1.01, 10)
    )
    decays = (rng.uniform(0.3, 1.0) if small else rng.uniform(0.9, 2.5)) * (modes / prime) ** -0.8
    levels = np.array([0.5, 0.8, 0.8, 0.4, 1.0, 0.5, 0.5, 0.5, 0.4, 0.25]) * rng.uniform(0.5, 1.2, 10)
    beats = rhythm(seconds, rng, rng.uniform(0.3, 0.8) if small else rng.uniform(0.9, 2.2), 0.03)
    start, hertz, decay, level = _struck(rng, beats, modes, decays, levels)
    hertz = np.tile(modes, len(beats))  # a bell does not change its pitch from stroke to stroke
    out = strikes(samples, rate, start, hertz, decay, level)
    out += 0.6 * _bursts(samples, rate, rng, beats, 0.006, 1200, 7000)
    return place(
        out, rate, rng, decay=rng.uniform(0.6, 2.0), wet=rng.uniform(0.1, 0.5), far=rng.uniform(0, 0.5)
    )


def make_wind(seconds: float, rate: int, rng: np.random.Generator) -> Signal:
    """Gusts: low noise that brightens as it swells, and a whistle that slides with the wind's speed."""
    samples = round(seconds * rate)
    gust = (
        0.55 + 0.3 * drift(samples, rate, rng, rng.uniform(0.3, 0.7)) + 0.15 * drift(samples, rate, rng, 2.0)
    )
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


def make_clock(seconds: float, rate: int, rng: np.random.Generator) -> Signal:
    """Tick and tock: two slightly different clicks from a small case, one to five beats a second, quite regular."""
    samples = round(seconds * rate)
    beats = rhythm(seconds, rng, 1 / log_uniform(rng, 1.0, 5.0), 0.004)
    root = log_uniform(rng, 700, 2200)
    modes = root * np.array([1.0, 1.63, 2.4, 3.3, 4.5]) * rng.uniform(0.92, 1.08, 5)
    decays = rng.uniform(0.003, 0.012) * np.linspace(1.5, 0.5, 5)
    levels = rng.uniform(0.4, 1.0, 5)
    lower = rng.uniform(0.78, 0.97)
    out = np.zeros(samples, dtype=np.float32)
    for side, factor in enumerate((1.0, lower)):
        for echo, weight in ((0.0, 1.0), (rng.uniform(0.008, 0.03), rng.uniform(0.2, 0.6))):
            hits = beats[side::2] + echo
            out += strikes(samples, rate, *_struck(rng, hits, modes * factor, decays, levels * weight))
    out += 0.5 * _bursts(samples, rate, rng, beats, 0.0015, 1500, 9000)
    return place(out, rate, rng, decay=rng.uniform(0.15, 0.6), wet=rng.uniform(0.05, 0.4))


_ALL = (
    Sound("owl hooting", ("an owl hooting", "the hoot of an owl", "an owl calling at night", "owl"), make_owl),
    Sound("crickets chirping", ("crickets chirping", "a chorus of crickets", "insects at night", "crickets"),
          make_crickets),
    Sound("knocking on a door", ("someone knocking on a door", "knocks on wood", "a person knocks", "knocking"),
          make_knocking),
    Sound("party chatter", ("people talking at a party", "a crowd chatting", "voices in a busy room", "chatter"),
          make_chatter),
    Sound("siren wailing", ("a siren wailing", "an ambulance siren", "a police car passing", "siren"), make_siren),
    Sound("skateboard rolling", ("a skateboard rolling", "skateboard wheels on the pavement", "skateboarding",
                                 "skateboard"), make_skateboard),
    Sound("birds chirping", ("birds chirping", "birds singing", "birdsong in the morning", "birds"), make_birds),
    Sound("footsteps", ("footsteps", "someone walking", "steps on gravel", "a person walks by"), make_footsteps),
    Sound("whale singing", ("a whale singing", "whale song", "whales calling under water", "whale"), make_whale),
    Sound("rain falling", ("rain falling", "heavy rain", "the sound of rain", "rain"), make_rain),
    Sound("bell ringing", ("a bell ringing", "church bells", "the toll of a bell", "bell"), make_bell),
    Sound("wind blowing", ("wind blowing", "a howling wind", "gusts of wind", "wind"), make_wind),
    Sound("sea waves", ("sea waves", "waves breaking on a beach", "the surf of the ocean", "waves"), make_waves),
    Sound("clock ticking", ("a clock ticking", "the tick of a clock", "tick-tock", "clock"), make_clock),
)  # fmt: skip

SOUNDS: dict[str, Sound] = {sound.label: sound for sound in _ALL}


def synthesise(label: str, seconds: float, sample_rate: int, rng: np.random.Generator) -> Signal:
    """A new instance of the sound `label`: float32 (samples,), peak below 1, mean level about -26 to -16 dB.

    `seconds` times `sample_rate` (hertz) gives the length, rounded. The same generator state gives the same samples.
    Raises KeyError for an unknown label (`SOUNDS` lists them) and ValueError for fewer than 64 samples or a sample
    rate below 4000 hertz.
    """
    if label not in SOUNDS:
        raise KeyError(f"There is no sound model called {label!r}; there are: {', '.join(SOUNDS)}.")
    if sample_rate < 4000 or round(seconds * sample_rate) < 64:
        raise ValueError(
            f"Cannot make {seconds} s of sound at {sample_rate} Hz: at least 64 samples at 4000 Hz."
        )
    return levelled(SOUNDS[label].make(seconds, sample_rate, rng), rng)
