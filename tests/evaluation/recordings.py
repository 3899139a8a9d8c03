"""Recordings whose scores can be worked out by hand, and separators that need no network."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from lass import audio

RATE = 8000
# Whole periods within any second: these tones are exactly orthogonal to each other.
TONES = {"hum": 200, "beep": 800, "whistle": 2000}


def tone(label: str, seconds: float = 1.0, gain: float = 0.25, rate: int = RATE) -> np.ndarray:
    time = np.arange(round(seconds * rate)) / rate
    return (gain * np.sin(2 * np.pi * TONES[label] * time)).astype(np.float32)


def write(path: Path, waveform: np.ndarray, rate: int = RATE) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    audio.write(path, np.atleast_2d(waveform), rate)
    return path


@dataclass
class Result:
    target: np.ndarray


class Half:
    """Answers every query with half of the mixture, whatever it was asked, and remembers what that was."""

    name = "half"

    def __init__(self, sample_rate: int = RATE, gain: float = 0.5) -> None:
        self.sample_rate = sample_rate
        self.gain = gain
        self.asked: list[tuple[str, int, int]] = []

    def separate(self, waveform: np.ndarray, sample_rate: int, query: str) -> Result:
        self.asked.append((query, sample_rate, waveform.shape[-1]))
        return Result(np.float32(self.gain) * waveform)
