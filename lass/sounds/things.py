"""Things: a siren, a skateboard, a bell and a clock."""

import numpy as np

from lass.sounds.blocks import (
    SPEED_OF_SOUND,
    Signal,
    band,
    bursts,
    drift,
    log_uniform,
    noise,
    phase_of,
    place,
    rhythm,
    strikes,
    struck,
    tone,
)


def make_siren(seconds: float, rate: int, rng: np.random.Generator) -> Signal:
    """An emergency vehicle driving by: a wail between about 600 and 1500 Hz, or a yelp, or two tones."""
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
    return place(out, rate, rng, decay=rng.uniform(0.4, 1.6), wet=rng.uniform(0.1, 0.6), far=rng.uniform(0, 0.8))


def make_skateboard(seconds: float, rate: int, rng: np.random.Generator) -> Signal:
    """Hard wheels on rough ground: rumble and hiss, rattle, double clacks at joints, now and then a jump."""
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
    clack = rng.uniform(1.5, 4.0)
    out += strikes(samples, rate, *struck(rng, pairs, modes, decays, clack * np.array([1.0, 0.9, 0.8, 0.7, 0.5, 0.4])))
    out += 0.6 * clack * bursts(samples, rate, rng, pairs, 0.004, 800, 6000)
    if seconds > 1.5 and rng.random() < 0.6:  # the tail hits the ground, the board flies, all wheels land
        up = rng.uniform(0.2, 0.7) * seconds
        land = up + rng.uniform(0.25, 0.45)
        out *= 1 - 0.93 * ((t > up) & (t < land)).astype(np.float32)
        hits = np.array([up, land, land + rng.uniform(0.01, 0.05)])
        out += strikes(samples, rate, *struck(rng, hits, modes * 1.3, decays * 2, np.full(6, 2.2)))
        out += 3 * bursts(samples, rate, rng, hits, 0.008, 500, 7000)
    return place(out, rate, rng, decay=rng.uniform(0.2, 0.7), wet=rng.uniform(0.05, 0.35), far=rng.uniform(0, 0.3))


def make_bell(seconds: float, rate: int, rng: np.random.Generator) -> Signal:
    """A church or hand bell: hum, prime, minor tierce, quint, nominal and above, each with its own decay."""
    samples = round(seconds * rate)
    small = rng.random() < 0.4
    prime = log_uniform(rng, 700, 2600) if small else log_uniform(rng, 200, 520)
    modes = prime * np.array([0.5, 1.0, 1.19, 1.5, 2.0, 2.51, 2.66, 3.01, 4.17, 5.43]) * rng.uniform(0.99, 1.01, 10)
    decays = (rng.uniform(0.3, 1.0) if small else rng.uniform(0.9, 2.5)) * (modes / prime) ** -0.8
    levels = np.array([0.5, 0.8, 0.8, 0.4, 1.0, 0.5, 0.5, 0.5, 0.4, 0.25]) * rng.uniform(0.5, 1.2, 10)
    beats = rhythm(seconds, rng, rng.uniform(0.3, 0.8) if small else rng.uniform(0.9, 2.2), 0.03)
    start, hertz, decay, level = struck(rng, beats, modes, decays, levels)
    hertz = np.tile(modes, len(beats))  # a bell does not change its pitch from stroke to stroke
    out = strikes(samples, rate, start, hertz, decay, level)
    out += 0.6 * bursts(samples, rate, rng, beats, 0.006, 1200, 7000)
    return place(out, rate, rng, decay=rng.uniform(0.6, 2.0), wet=rng.uniform(0.1, 0.5), far=rng.uniform(0, 0.5))


def make_clock(seconds: float, rate: int, rng: np.random.Generator) -> Signal:
    """Tick and tock: two slightly different clicks from a small case, one to five a second, quite regular."""
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
            out += strikes(samples, rate, *struck(rng, hits, modes * factor, decays, levels * weight))
    out += 0.5 * bursts(samples, rate, rng, beats, 0.0015, 1500, 9000)
    return place(out, rate, rng, decay=rng.uniform(0.15, 0.6), wet=rng.uniform(0.05, 0.4))
