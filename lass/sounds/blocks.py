"""Building blocks of the sound models: oscillators, shaped noise, struck modes, rooms and levels.

All signals are one-dimensional float32 arrays at `rate` hertz; nothing here keeps state, and whatever is
random comes from the generator that the caller hands in. Only numpy is used, and every block works on whole
arrays, because these run inside a training loader.
"""

from collections.abc import Callable, Sequence

import numpy as np

Signal = np.ndarray
Gain = Callable[[np.ndarray, np.ndarray], np.ndarray]

SPEED_OF_SOUND = 343.0  # metres per second, air at 20 degrees Celsius
HIGHEST = 0.46  # partials above this share of the sample rate are left out, so that nothing aliases


def log_uniform(rng: np.random.Generator, low: float, high: float) -> float:
    """One number between `low` and `high`, uniform in its logarithm, as befits pitches, sizes and tempi."""
    return float(np.exp(rng.uniform(np.log(low), np.log(high))))


def fast_length(samples: int) -> int:
    """The smallest length from `samples` up whose only prime factors are 2, 3 and 5: quick to transform."""
    best = 1 << max(samples - 1, 1).bit_length()
    five = 1
    while five < best:
        three = five
        while three < best:
            two = three << max(-(-samples // three) - 1, 0).bit_length()
            best = min(best, two)
            three *= 3
        five *= 5
    return best


def drift(samples: int, rate: int, rng: np.random.Generator, hertz: float) -> Signal:
    """A smooth random curve between -1 and 1 with about `hertz` new directions a second."""
    knots = int(np.ceil(samples / rate * hertz)) + 2
    position = np.arange(samples, dtype=np.float32) * np.float32(hertz / rate) + np.float32(rng.uniform(0, 0.999))
    index = np.minimum(position.astype(np.int64), knots - 1)
    share = position - index
    share = share * share * (3 - 2 * share)
    values = rng.uniform(-1, 1, knots + 1).astype(np.float32)
    return values[index] + share * (values[index + 1] - values[index])


def hump(samples: int, attack: float, release: float) -> Signal:
    """An envelope with raised-cosine flanks; `attack` and `release` are shares of its length."""
    u = np.linspace(0, 1, samples, dtype=np.float32)
    rise = np.clip(u / np.float32(attack), 0, 1)
    fall = np.clip((1 - u) / np.float32(release), 0, 1)
    return np.float32(0.25) * (1 - np.cos(np.pi * rise)) * (1 - np.cos(np.pi * fall))


def phase_of(frequency: Signal, rate: int, start: float = 0.0) -> np.ndarray:
    """The running phase, in cycles, of an oscillator with this frequency (hertz per sample point)."""
    return start + np.cumsum(frequency, dtype=np.float64) / rate


def tone(frequency: Signal, rate: int, partials: Sequence[float]) -> Signal:
    """A harmonic tone: `partials[k]` is the amplitude of harmonic k + 1. Harmonics that would alias fade out.

    The harmonics come from sin((k+1)x) = 2 cos(x) sin(kx) - sin((k-1)x): two transcendental calls in all.
    """
    cycles = phase_of(frequency, rate)
    angle = ((cycles - np.floor(cycles)) * (2 * np.pi)).astype(np.float32)
    twice = 2 * np.cos(angle)
    before, now = np.zeros_like(angle), np.sin(angle)
    out = np.zeros_like(angle)
    top = float(frequency.max(initial=0.0))
    bottom = float(frequency.min(initial=0.0))
    for k, amplitude in enumerate(partials, start=1):
        if k * bottom > HIGHEST * rate and k > 1:
            break
        if k * top > HIGHEST * rate:
            room = (HIGHEST * rate - k * frequency) / np.float32(0.03 * rate)  # a soft exit: a hard one would click
            out += np.float32(amplitude) * now * np.clip(room, 0, 1)
        elif amplitude:
            out += np.float32(amplitude) * now
        before, now = now, twice * now - before
    return out


def add(out: Signal, start: int, event: Signal) -> None:
    """Adds `event` into `out` from sample `start`, in place; what lies outside is dropped."""
    first, last = max(start, 0), min(start + len(event), len(out))
    if last > first:
        out[first:last] += event[first - start : last - start]


def strikes(
    samples: int, rate: int, starts: np.ndarray, hertz: np.ndarray, decay: np.ndarray, level: np.ndarray
) -> Signal:
    """Many damped sinusoids at once: struck wood, glass and metal, rain drops, ticks.

    All four arrays have one entry per sinusoid: its start in seconds, frequency, time constant in seconds and
    amplitude. Modes above the audible part of the band are left out.
    """
    out = np.zeros(samples, dtype=np.float32)
    keep = (hertz < HIGHEST * rate) & (starts * rate < samples)
    starts, hertz, decay, level = starts[keep], hertz[keep], decay[keep], level[keep]
    if not len(starts):
        return out
    order = np.argsort(decay)
    for rows in np.array_split(order, min(4, len(order))):  # similar lengths together: little is computed in vain
        length = int(min(np.ceil(6.5 * decay[rows].max() * rate), samples)) + 1
        t = np.arange(length, dtype=np.float32) / np.float32(rate)
        turn = np.float32(2 * np.pi) * hertz[rows, None].astype(np.float32) * t
        wave = np.sin(turn) * np.exp(-t / decay[rows, None].astype(np.float32))
        wave *= level[rows, None].astype(np.float32)
        if len(rows) < 40:
            for row, start in zip(wave, (starts[rows] * rate).astype(np.int64), strict=True):
                add(out, int(start), row)
            continue
        place = (starts[rows, None] * rate).astype(np.int64) + np.arange(length)
        sums = np.bincount(np.clip(place, 0, samples).ravel(), wave.ravel(), minlength=samples + 1)
        out += sums[:samples].astype(np.float32)
    return out


def noise(samples: int, rate: int, rng: np.random.Generator, gain: Callable[[np.ndarray], np.ndarray]) -> Signal:
    """Steady Gaussian noise of unit power whose spectrum has the amplitude `gain(hertz)`."""
    size = fast_length(samples)
    hertz = np.fft.rfftfreq(size, 1 / rate)
    bins = rng.standard_normal((2, len(hertz)), dtype=np.float32)
    wave = np.fft.irfft((bins[0] + 1j * bins[1]) * gain(hertz), size)[:samples].astype(np.float32)
    return wave / np.float32(max(float(np.sqrt(np.mean(wave * wave))), 1e-9))


def band(hertz: np.ndarray, low: float, high: float, slope: float = 2.0) -> np.ndarray:
    """The amplitude of a gentle band pass, `low` to `high` hertz; outside, `slope` 2 is 12 dB an octave."""
    ratio = np.maximum(hertz, 1.0)
    return 1 / (1 + (low / ratio) ** slope) / (1 + (ratio / high) ** slope)


def morph(source: Signal, rate: int, gain: Gain) -> Signal:
    """A filter that changes with time: `gain(seconds (frames, 1), hertz (1, bins))` on short-time spectra.

    Frames of about 32 ms, half overlapping, with a sine window on both sides, so that gain 1 changes nothing.
    """
    size = 1 << round(np.log2(rate * 0.032))
    hop = size // 2
    frames = -(-len(source) // hop) + 1
    padded = np.zeros((frames + 1) * hop, dtype=np.float32)
    padded[hop : hop + len(source)] = source
    window = np.sin(np.pi * (np.arange(size) + 0.5) / size).astype(np.float32)
    pieces = np.lib.stride_tricks.sliding_window_view(padded, size)[::hop] * window
    seconds = (np.arange(frames, dtype=np.float32) * hop / rate)[:, None]
    hertz = np.fft.rfftfreq(size, 1 / rate).astype(np.float32)[None]
    shaped = np.fft.irfft(np.fft.rfft(pieces) * gain(seconds, hertz), size).astype(np.float32) * window
    out = np.zeros((frames + 1, hop), dtype=np.float32)
    out[:-1] += shaped[:, :hop]
    out[1:] += shaped[:, hop:]
    return out.reshape(-1)[hop : hop + len(source)]


def place(source: Signal, rate: int, rng: np.random.Generator, *, decay: float, wet: float, far: float = 0.0) -> Signal:
    """Puts a dry sound into a room or a landscape.

    `decay` is the reverberation time in seconds (60 dB), `wet` the amplitude of the diffuse part relative to
    the direct sound, `far` from 0 to 1 how much air and foliage dull the treble. A random tilt of a few
    decibels stands for the microphone.
    """
    tail = max(int(decay * rate), 8)
    size = fast_length(len(source) + tail)
    hertz = np.fft.rfftfreq(size, 1 / rate)
    response = np.zeros(size, dtype=np.float32)
    t = np.arange(tail, dtype=np.float32) / np.float32(tail)
    response[:tail] = rng.standard_normal(tail, dtype=np.float32) * np.exp(-6.9 * t)
    response[: int(rng.uniform(0.002, 0.02) * rate)] = 0.0
    response *= wet / np.sqrt(np.sum(response * response) + 1e-9)
    room = np.fft.rfft(response) / (1 + hertz / rng.uniform(2500, 8000))
    colour = (np.maximum(hertz, 60.0) / 1000.0) ** rng.uniform(-0.15, 0.15) / (1 + far * (hertz / 3000.0) ** 2)
    spectrum = np.fft.rfft(source, size) * (1 + room) * colour
    return np.fft.irfft(spectrum, size)[: len(source)].astype(np.float32)


def rhythm(seconds: float, rng: np.random.Generator, period: float, jitter: float) -> np.ndarray:
    """Times of a loosely regular beat, in seconds: gaps vary around `period` with a relative `jitter`.

    The first beat falls in the first half of the period; there is always at least one.
    """
    begin = rng.uniform(0, 0.5) * min(period, seconds)
    count = int(seconds / period * 1.5) + 3
    gaps = period * np.clip(1 + jitter * rng.standard_normal(count), 0.35, 2.0)
    times = begin + np.concatenate([[0.0], np.cumsum(gaps)])
    return times[(times < seconds) | (np.arange(len(times)) == 0)]


def levelled(wave: Signal, rng: np.random.Generator, *, ceiling: float = 0.95) -> Signal:
    """A mean level between -26 and -16 dB of full scale, lowered if a peak would pass `ceiling`; float32."""
    wave = np.nan_to_num(wave - wave.mean(), copy=False).astype(np.float32)
    rms = float(np.sqrt(np.mean(wave * wave))) + 1e-9
    peak = float(np.abs(wave).max(initial=0.0)) + 1e-9
    return wave * np.float32(min(10 ** (rng.uniform(-26, -16) / 20) / rms, ceiling / peak))


def glide(rate: int, seconds: float, *hertz: float) -> Signal:
    """A frequency curve through equally spaced points, smoothed between them, kept below the alias limit."""
    size = max(int(seconds * rate), 16)
    position = np.linspace(0, len(hertz) - 1, size)
    index = np.minimum(position.astype(np.int64), len(hertz) - 2)
    share = position - index
    share = share * share * (3 - 2 * share)
    points = np.minimum(np.array(hertz), 0.9 * HIGHEST * rate)
    return (points[index] * (1 - share) + points[index + 1] * share).astype(np.float32)


def struck(
    rng: np.random.Generator, times: np.ndarray, modes: np.ndarray, decays: np.ndarray, levels: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """One set of modes struck at each of `times`, each stroke a little different: arguments for `strikes`."""
    shape = (len(times), len(modes))
    detune = 1 + 0.008 * rng.standard_normal(shape)
    loud = np.exp(0.35 * rng.standard_normal(shape)) * np.exp(0.15 * rng.standard_normal((len(times), 1)))
    starts = np.broadcast_to(times[:, None], shape)
    decay = np.broadcast_to(decays, shape)
    return starts.ravel(), (modes * detune).ravel(), decay.ravel(), (levels * loud).ravel()


def bursts(
    samples: int,
    rate: int,
    rng: np.random.Generator,
    times: np.ndarray,
    length: float,
    low: float,
    high: float,
) -> Signal:
    """Noise bursts at `times`: a sharp start, a decay of `length` seconds, between `low` and `high` hertz."""
    out = np.zeros(samples, dtype=np.float32)
    size = max(int(6 * length * rate), 32)
    decay = np.exp(-np.arange(size, dtype=np.float32) / np.float32(length * rate))
    for time in times:
        burst = noise(size, rate, rng, lambda f: band(f, low, min(high, 0.45 * rate), 3.0))
        add(out, int(time * rate), burst * decay * np.float32(rng.uniform(0.7, 1.2)))
    return out


def grains(rate: int, rng: np.random.Generator, length: float, density: float, low: float, high: float) -> Signal:
    """Crunch: many tiny stone-on-stone clicks whose number swells and dies within `length` seconds."""
    size = max(int(length * rate), 64)
    count = max(int(density * length), 4)
    starts = rng.beta(1.6, 2.6, count) * length * 0.9
    hertz = np.exp(rng.uniform(np.log(low), np.log(high), count))
    level = np.exp(0.8 * rng.standard_normal(count)) * rng.choice([-1.0, 1.0], count)
    return strikes(size, rate, starts, hertz, rng.uniform(0.0004, 0.002, count), level)
