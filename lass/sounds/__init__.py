"""Sound models: everyday sounds made from physics and arithmetic, never twice the same.

Each `make_…` function takes (seconds, sample rate in hertz, generator) and returns a float32 signal. Pitch,
rhythm, timbre, distance and room are all drawn from the generator: the same seed gives the same samples,
another seed another owl. The facts behind a model (which frequencies, how often) stand beside it.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from lass.sounds.animals import make_birds, make_crickets, make_owl, make_whale
from lass.sounds.blocks import levelled
from lass.sounds.people import make_chatter, make_footsteps, make_knocking
from lass.sounds.things import make_bell, make_clock, make_siren, make_skateboard
from lass.sounds.weather import make_rain, make_waves, make_wind

__all__ = ["SOUNDS", "Maker", "Sound", "synthesise"]

Maker = Callable[[float, int, np.random.Generator], np.ndarray]

LOWEST_RATE = 4000  # hertz
FEWEST_SAMPLES = 64


@dataclass(frozen=True)
class Sound:
    """A sound that can be made: its everyday label, other ways to ask for it, and the model that makes it."""

    label: str
    captions: tuple[str, ...]
    make: Maker


def _sound(make: Maker, label: str, *captions: str) -> Sound:
    return Sound(label, captions, make)


_ALL = (
    _sound(make_owl, "owl hooting", "an owl hooting", "the hoot of an owl", "an owl calling at night"),
    _sound(make_crickets, "crickets chirping", "crickets chirping", "a chorus of crickets", "insects at night"),
    _sound(make_knocking, "knocking on a door", "someone knocking on a door", "knocks on wood", "knocking"),
    _sound(
        make_chatter,
        "party chatter",
        "people talking at a party",
        "a crowd chatting",
        "voices in a busy room",
    ),
    _sound(make_siren, "siren wailing", "a siren wailing", "an ambulance siren", "a police car passing"),
    _sound(make_skateboard, "skateboard rolling", "a skateboard rolling", "skateboard wheels", "skateboarding"),
    _sound(make_birds, "birds chirping", "birds chirping", "birds singing", "birdsong in the morning"),
    _sound(make_footsteps, "footsteps", "footsteps", "someone walking", "a person walks by"),
    _sound(make_whale, "whale singing", "a whale singing", "whale song", "whales calling under water"),
    _sound(make_rain, "rain falling", "rain falling", "heavy rain", "the sound of rain"),
    _sound(make_bell, "bell ringing", "a bell ringing", "church bells", "the toll of a bell"),
    _sound(make_wind, "wind blowing", "wind blowing", "a howling wind", "gusts of wind"),
    _sound(make_waves, "sea waves", "sea waves", "waves breaking on a beach", "the surf of the ocean"),
    _sound(make_clock, "clock ticking", "a clock ticking", "the tick of a clock", "tick-tock"),
)

SOUNDS: dict[str, Sound] = {sound.label: sound for sound in _ALL}


def synthesise(label: str, seconds: float, sample_rate: int, rng: np.random.Generator) -> np.ndarray:
    """A new instance of the sound `label`: float32 (samples,), peak below 1, mean level at most -16 dB.

    `seconds` times `sample_rate` (hertz) gives the length, rounded. The same generator state gives the same
    samples. Raises KeyError for an unknown label (`SOUNDS` lists them) and ValueError for fewer than 64
    samples or a sample rate below 4000 hertz.
    """
    if label not in SOUNDS:
        raise KeyError(f"There is no sound model called {label!r}; there are: {', '.join(SOUNDS)}.")
    if sample_rate < LOWEST_RATE or round(seconds * sample_rate) < FEWEST_SAMPLES:
        raise ValueError(
            f"Cannot make {seconds} s of sound at {sample_rate} Hz: it takes {FEWEST_SAMPLES} samples "
            f"or more, at {LOWEST_RATE} Hz or more."
        )
    return levelled(SOUNDS[label].make(seconds, sample_rate, rng), rng)
