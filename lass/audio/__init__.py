"""Recordings in and out: decode, check, resample, write.

Waveforms are float32 ``(channels, samples)`` with full scale at 1. Importing this package loads numpy only.
"""

from lass.audio.decoding import read, spool
from lass.audio.recording import (
    HIGHEST_RATE,
    LOUDEST,
    LOWEST_RATE,
    MOST_CHANNELS,
    SHORTEST,
    Audio,
    Recording,
    Spooled,
    check,
    shown,
)
from lass.audio.resampling import resample, resampled
from lass.audio.writing import write

__all__ = [
    "Audio",
    "Recording",
    "Spooled",
    "read",
    "spool",
    "write",
    "resample",
    "resampled",
    "check",
    "shown",
    "SHORTEST",
    "MOST_CHANNELS",
    "LOWEST_RATE",
    "HIGHEST_RATE",
    "LOUDEST",
]
