"""Recordings for the tests, written by the libraries themselves."""

from pathlib import Path

import av
import numpy as np
import pytest
import soundfile

from lass import audio
from lass.errors import AudioError

LAYOUTS = {1: "mono", 2: "stereo", 6: "5.1", 8: "7.1"}


def tones(channels: int = 1, rate: int = 16_000, seconds: float = 0.5) -> np.ndarray:
    """A tone of its own in every channel, 500 Hz, 800 Hz, and so on: (channels, samples)."""
    time = np.arange(round(seconds * rate)) / rate
    return np.stack([0.3 * np.sin(2 * np.pi * (500 + 300 * k) * time) for k in range(channels)]).astype(np.float32)


def pitches(waveform: np.ndarray, rate: int) -> list[float]:
    """The strongest frequency of every channel, in hertz."""
    window = np.hanning(waveform.shape[1])
    spectrum = np.abs(np.fft.rfft(waveform * window, n=4 * waveform.shape[1], axis=1))
    return [float(bin) * rate / (4 * waveform.shape[1]) for bin in spectrum.argmax(axis=1)]


def encoded(
    path: Path,
    waveform: np.ndarray,
    rate: int,
    *,
    container: str,
    codec: str,
    picture: str = "",
    options: dict[str, str] | None = None,
) -> Path:
    """Encode with FFmpeg's libraries; `picture` is the codec of a video stream before the sound."""
    layout = LAYOUTS[waveform.shape[0]]
    with av.open(str(path), "w", format=container, container_options=options or {}) as file:
        if picture:
            video = file.add_stream(picture, rate=10)
            video.width = video.height = 32
            video.pix_fmt = "yuv420p"
        stream = file.add_stream(codec, rate=rate, layout=layout)
        if picture:
            for index in range(5):
                image = av.VideoFrame.from_ndarray(np.full((32, 32, 3), 40 * index, np.uint8), format="rgb24")
                image.pts = index
                file.mux(video.encode(image))
            file.mux(video.encode(None))
        packed = np.ascontiguousarray(waveform.T).reshape(1, -1)
        frame = av.AudioFrame.from_ndarray(packed, format="flt", layout=layout)
        frame.sample_rate, frame.pts = rate, 0
        file.mux(stream.encode(frame))
        file.mux(stream.encode(None))
    return path


def stored(path: Path, waveform: np.ndarray, rate: int, kind: str, subtype: str) -> Path:
    """Write with libsndfile."""
    soundfile.write(path, waveform.T, rate, format=kind, subtype=subtype)
    return path


def written(path: Path, waveform: np.ndarray, rate: int, container: str, codec: str) -> Path:
    """Write with the library that calls the container so: libsndfile in capitals, FFmpeg in small letters."""
    if container.isupper():
        return stored(path, waveform, rate, container, codec)
    return encoded(path, waveform, rate, container=container, codec=codec)


def refusal(path: Path, **limits: float) -> str:
    """The sentence with which a file is refused, when it is one."""
    with pytest.raises(AudioError) as caught:
        audio.read(path, **limits)
    return one_sentence(caught.value, path.parent)


def one_sentence(error: AudioError, folder: Path | None = None) -> str:
    """What an error says, which is no more than a sentence and does not tell the folder."""
    text = str(error)
    assert folder is None or len(folder.parts) < 2 or str(folder) not in text
    assert text.endswith(".")
    assert ". " not in text
    assert text.isprintable()
    assert len(text) < 300
    return text
