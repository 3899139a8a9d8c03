"""Recordings in and out: decode, check, resample, write.

Waveforms are float32 ``(channels, samples)`` with full scale at 1. A file is read for what it holds, whatever its name
says: first by libsndfile (wav, flac, mp3, ogg, opus, aiff …), then by FFmpeg's libraries (webm, m4a, mp4 …).
"""

import contextlib
import math
import os
import re
import tempfile
import unicodedata
from collections.abc import Generator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from lass.errors import AudioError

SHORTEST = 0.1
"""Seconds below which there is nothing to hear."""
MOST_CHANNELS = 32
LOWEST_RATE, HIGHEST_RATE = 4_000, 768_000
_BLOCK = 65_536
# Containers that only hold sound and pictures. Playlists are left out: they name other files to be opened.
_CONTAINERS = (
    "aac,ac3,aiff,amr,ape,asf,au,avi,caf,eac3,flac,flv,gsm,matroska,webm,mov,mp4,m4a,3gp,3g2,mj2,mp3,mpeg,mpegts,"
    "ogg,rm,tak,tta,voc,w64,wav,wv"
)
# Beyond this reduced ratio torchaudio's polyphase kernel would take gigabytes.
_LARGEST_RATIO = 1_000


@dataclass(frozen=True, eq=False)
class Audio:
    """A recording: ``waveform`` is float32 ``(channels, samples)``, ``sample_rate`` is in hertz."""

    waveform: np.ndarray
    sample_rate: int

    @property
    def seconds(self) -> float:
        """Duration."""
        return self.waveform.shape[1] / self.sample_rate

    @property
    def channels(self) -> int:
        """Number of channels."""
        return int(self.waveform.shape[0])


# Pieces of a recording, (channels, samples), each with its rate.
Blocks = Generator[tuple[np.ndarray, int], None, None]


class _Unreadable(Exception):
    """This decoder cannot make sense of the file."""


def read(path: str | Path, *, max_seconds: float | None = None, max_bytes: int | None = None) -> Audio:
    """Decode a recording of any common format, never holding more than ``max_seconds`` of it.

    A file cut short is read as far as it goes. Samples are not scaled: a float file may pass full scale.

    Raises:
        AudioError: not there, empty, larger than ``max_bytes``, not a recording, shorter than a tenth of a second,
            longer than ``max_seconds``, silent throughout, or with samples, channels or a rate that make no sense.
    """
    file, name = Path(path), shown(path)
    try:
        size = file.stat().st_size
        if not file.is_file():
            raise AudioError(f"{name} is not a file; choose a recording.")
    except (OSError, ValueError) as error:
        raise AudioError(f"{name} cannot be opened; check that it exists and may be read.") from error
    if size == 0:
        raise AudioError(f"{name} is empty; choose a file that holds a recording.")
    if max_bytes is not None and size > max_bytes:
        raise AudioError(
            f"{name} is {size / 1e6:.0f} MB large, and at most {max_bytes / 1e6:.0f} MB are accepted; "
            "send a shorter part, or a compressed format such as flac or mp3."
        )
    for decode in (_soundfile, _av):
        try:
            waveform, rate = _collect(decode(file), name, max_seconds)
        except _Unreadable:
            continue
        return Audio(_checked_recording(waveform, rate, name), rate)
    raise AudioError(f"{name} holds no sound that can be read; use wav, flac, mp3, ogg, opus, aiff, m4a, mp4 or webm.")


def write(path: str | Path, waveform: np.ndarray, sample_rate: int) -> Path:
    """Write ``(channels, samples)`` or ``(samples,)`` as a 32-bit float WAV: never clipped, never scaled.

    The file appears under its name only when it is whole.

    Raises:
        AudioError: the folder cannot be written to or the disk is full.
    """
    import soundfile

    file = Path(path)
    samples = np.atleast_2d(np.asarray(waveform, np.float32)).T
    # A plain WAV counts its bytes in 32 bits.
    container = "WAV" if samples.nbytes < 2**32 - 2**16 else "RF64"
    partial = None
    try:
        handle, partial = tempfile.mkstemp(dir=file.parent, prefix=".", suffix=".partial")
        with os.fdopen(handle, "wb") as raw:
            # A descriptor, because libsndfile takes no path that is not UTF-8.
            soundfile.write(raw.fileno(), samples, sample_rate, subtype="FLOAT", format=container, closefd=False)
        # Temporary files belong to their owner alone; a result is an ordinary file.
        os.chmod(partial, 0o644)
        os.replace(partial, file)
    except (OSError, soundfile.LibsndfileError) as error:
        if partial is not None:
            Path(partial).unlink(missing_ok=True)
        raise AudioError(f"{shown(file)} cannot be written; check the folder and the space on its disk.") from error
    return file


def resample(waveform: np.ndarray, from_rate: int, to_rate: int) -> np.ndarray:
    """``(…, samples)`` at another rate: float32, exactly ``ceil(samples * to_rate / from_rate)`` samples long."""
    samples = np.asarray(waveform, np.float32)
    if from_rate == to_rate:
        return samples
    common = math.gcd(from_rate, to_rate)
    up, down = to_rate // common, from_rate // common
    length = -(-samples.shape[-1] * up // down)
    if max(up, down) > _LARGEST_RATIO:
        from scipy.signal import resample_poly

        return resample_poly(samples, up, down, axis=-1)[..., :length].astype(np.float32)
    import torch
    from torchaudio.functional import resample as polyphase

    with torch.inference_mode():
        # A copy where the array is read-only: torch knows no such thing, and warns.
        own = np.require(samples, requirements=["C", "W"])
        return polyphase(torch.from_numpy(own), from_rate, to_rate)[..., :length].numpy()


def check(waveform: np.ndarray, sample_rate: int) -> np.ndarray:
    """A waveform as float32 ``(channels, samples)``, when it is one that can be separated.

    Raises:
        AudioError: wrong shape, empty, shorter than a tenth of a second, not finite, or an absurd rate.
    """
    samples = np.asarray(waveform)
    if samples.ndim not in (1, 2) or not np.issubdtype(samples.dtype, np.floating):
        raise AudioError("A waveform is an array of floats, (channels, samples) or (samples,); convert it first.")
    with np.errstate(over="ignore"):  # too large a number becomes infinite, and is refused as that
        single = np.atleast_2d(samples).astype(np.float32, copy=False)
    return _checked(single, sample_rate, "The recording")


def shown(path: str | Path) -> str:
    """A file's own name as it may be shown: no folders, no control characters, not endless."""
    name = re.split(r"[/\\]", str(path))[-1]
    name = "".join(letter for letter in name if unicodedata.category(letter)[0] != "C").strip()
    if len(name) > 60:
        name = f"{name[:40]}…{name[-15:]}"
    return name or "The recording"


def _checked_recording(waveform: np.ndarray, rate: int, name: str) -> np.ndarray:
    checked = _checked(waveform, rate, name)
    if not checked.any():
        raise AudioError(f"{name} is silent from beginning to end; choose a recording with sound in it.")
    return checked


def _checked(waveform: np.ndarray, rate: int, name: str) -> np.ndarray:
    channels, samples = waveform.shape
    if not 1 <= channels <= MOST_CHANNELS:
        raise AudioError(f"{name} has {channels} channels; at most {MOST_CHANNELS} can be separated.")
    if not LOWEST_RATE <= rate <= HIGHEST_RATE:
        raise AudioError(f"{name} has a sample rate of {rate} Hz; use one from {LOWEST_RATE} to {HIGHEST_RATE} Hz.")
    if samples < SHORTEST * rate:
        raise AudioError(f"{name} lasts {samples / rate:.2f} s; at least {SHORTEST} s are needed to hear anything.")
    if not np.isfinite(waveform).all():
        raise AudioError(f"{name} holds samples that are no numbers; export it again from the program it came from.")
    return waveform


def _collect(blocks: Blocks, name: str, max_seconds: float | None) -> tuple[np.ndarray, int]:
    """Join blocks ``(channels, samples)`` as long as they are wanted; a header is never believed about the length.

    Raises:
        AudioError: more than ``max_seconds``.
        _Unreadable: no sample came.
    """
    collected: list[np.ndarray] = []
    rate, samples = 0, 0
    with contextlib.closing(blocks):
        for block, block_rate in blocks:
            if collected and (block_rate != rate or block.shape[0] != collected[0].shape[0]):
                # A stream that changes its form midway is read up to there.
                break
            rate = block_rate
            collected.append(block)
            samples += block.shape[1]
            if max_seconds is not None and samples > max_seconds * rate:
                raise AudioError(
                    f"{name} is longer than {max_seconds:g} seconds, the most that is accepted here; "
                    "send a shorter part of it."
                )
    if samples == 0:
        raise _Unreadable
    return np.concatenate(collected, axis=1), rate


def _soundfile(path: Path) -> Blocks:
    import soundfile

    with path.open("rb") as raw:
        try:
            # A descriptor, not a name: an ending such as .raw must not decide how the file is read.
            with soundfile.SoundFile(raw.fileno(), closefd=False) as file:
                if file.channels > MOST_CHANNELS:
                    raise _Unreadable
                while len(block := file.read(_BLOCK, dtype="float32", always_2d=True)):
                    yield block.T, file.samplerate
        except (soundfile.LibsndfileError, TypeError, ValueError, MemoryError) as error:
            raise _Unreadable from error


def _av(path: Path) -> Blocks:
    import av

    options = {"format_whitelist": _CONTAINERS, "protocol_whitelist": "file"}
    try:
        with av.open(str(path.absolute()), container_options=options, metadata_errors="replace") as container:
            if not container.streams.audio:
                raise _Unreadable
            stream = container.streams.audio[0]
            planar = av.AudioResampler(format="fltp")
            for packet in container.demux(stream):
                # A damaged packet costs its own sound only.
                with contextlib.suppress(av.InvalidDataError):
                    for frame in packet.decode():
                        for converted in planar.resample(frame):
                            yield converted.to_ndarray(), converted.sample_rate
    except (av.FFmpegError, OSError, ValueError, MemoryError) as error:
        raise _Unreadable from error
