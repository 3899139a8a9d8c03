"""Decode a recording of any common format, block by block, without believing its name or its header.

libsndfile reads what is its own, exactly; FFmpeg's libraries (PyAV) read everything else, and whatever libsndfile
gives up on.
"""

import contextlib
import os
from collections.abc import Callable, Generator, Iterator
from pathlib import Path
from stat import S_ISREG
from typing import TYPE_CHECKING, Any, BinaryIO, Generic, TypeVar

import numpy as np

from lass.audio.formats import Format, recognise
from lass.audio.recording import Audio, Spooled, check_form, check_length, check_samples, shown
from lass.errors import AudioError
from lass.waveforms import Scratch, Spool

if TYPE_CHECKING:
    from av.container import InputContainer

MOST_VALUES = 2**28
"""Samples times channels that a recording of limited length may hold: 1 GiB, ten minutes of stereo at 192 kHz."""
_BLOCK = 65_536
# Values in a piece of what has been decoded: beyond 32 MiB the C library gives memory back as soon as it is free, and
# none of it is used before it is written to.
_PIECE = 10_000_000
# Seconds of another form (channels, rate) that a stream may begin with or stray into: a damaged frame, or the first
# frames of HE-AAC, before its upper band is known.
_STRAY = 0.5

# (channels, samples) and hertz.
Blocks = Generator[tuple[np.ndarray, int], None, None]


class _Broken(Exception):
    """The decoder cannot begin, or cannot go on."""


class _Soundless(_Broken):
    """The file is understood, and has no audio stream."""


def read(path: str | os.PathLike[str], *, max_seconds: float | None = None, max_bytes: int | None = None) -> Audio:
    """Decode wav, flac, mp3, ogg, opus, aiff, m4a, aac, or the first audio stream of webm, mp4 and the like.

    The format is told by the content. Samples are never scaled beyond full scale = 1: a float file may pass it. A
    damaged or cut-off file is read as far as it can be. A recording whose channels all stand still is silent, even
    if not at zero (A-law and unsigned files have no zero, and some microphones an offset), and is refused because
    there is nothing to separate. Decoding stops at ``max_seconds``, whatever a header says; memory is bounded by
    that and by :data:`MOST_VALUES`.

    Args:
        path: the file.
        max_seconds: longest duration that is accepted, in seconds; None reads everything.
        max_bytes: largest file that is accepted, looked at before decoding.

    Raises:
        AudioError: not there, empty, larger than ``max_bytes``, not a recording, shorter than a tenth of a second,
            longer than ``max_seconds``, silent throughout, or with samples, channels or a rate that make no sense.
    """
    name = shown(path)
    try:
        with _opened(path, name, max_bytes) as file:
            found = _decode(file, name, max_seconds, _InMemory)
            waveform = found.kept.joined()
    except MemoryError:
        raise AudioError(f"{name} does not fit into memory; choose a shorter part of it.") from None
    except OSError as error:
        raise AudioError(f"{name} cannot be read to its end; check its disk, or choose another copy.") from error
    check_length(waveform.shape[1], found.rate, name)
    _refuse_silence(*check_samples(waveform, name), name)
    return Audio(waveform, found.rate)


def spool(path: str | os.PathLike[str], scratch: Scratch, *, max_seconds: float | None = None) -> Spooled:
    """The same as :func:`read` onto a disk: memory does not grow with the recording's length.

    Raises:
        AudioError: as :func:`read` does, or the disk is full.
    """
    name = shown(path)
    try:
        with _opened(path, name, None) as file:
            found = _decode(file, name, max_seconds, lambda: _OnDisk(scratch))
    except OSError as error:
        raise AudioError(
            f"{name} cannot be read to its end, or {scratch.folder} not hold it; check both disks."
        ) from error
    check_length(found.samples, found.rate, name)
    extremes = check_samples(np.stack(found.kept.extremes, axis=1), name)
    _refuse_silence(*extremes, name)
    assert found.kept.spool is not None
    return Spooled(found.kept.spool, found.rate)


def _refuse_silence(lowest: np.ndarray, highest: np.ndarray, name: str) -> None:
    if (lowest == highest).all():
        raise AudioError(f"{name} is silent from beginning to end; choose a recording with sound in it.")


@contextlib.contextmanager
def _opened(path: str | os.PathLike[str], name: str, max_bytes: int | None) -> Iterator[BinaryIO]:
    try:
        # Before it is opened: opening a named pipe would wait for ever.
        status = Path(path).stat()
        regular = S_ISREG(status.st_mode)
        raw = Path(path).open("rb") if regular else None  # noqa: SIM115 - closed below
    except (OSError, ValueError) as error:
        raise AudioError(f"{name} cannot be opened; check that it exists and may be read.") from error
    if raw is None:
        raise AudioError(f"{name} is not a file; choose a recording.")
    with raw:
        if status.st_size == 0:
            raise AudioError(f"{name} is empty; choose a file that holds a recording.")
        if max_bytes is not None and status.st_size > max_bytes:
            raise AudioError(
                f"{name} has {_size(status.st_size)}, and at most {_size(max_bytes)} are accepted; "
                "choose a shorter part, or a compressed format such as flac or mp3."
            )
        yield raw


def _size(count: int) -> str:
    return f"{count / 1e6:.4g} MB" if count >= 100_000 else f"{count} bytes"


def _decode(
    file: BinaryIO, name: str, max_seconds: float | None, keep: "Callable[[], Kept]"
) -> "_Collected[Kept]":
    """The longest waveform that a decoder makes of the file."""
    found = recognise(file)
    if found is None:
        raise AudioError(
            f"{name} is not a recording in a format that can be read; "
            "use wav, flac, mp3, ogg, opus, aiff, m4a, mp4 or webm."
        )
    best: _Collected[Kept] | None = None
    soundless = False
    for decode in (_soundfile, _av) if found.sndfile else (_av,):
        collected = _Collected(name, max_seconds, keep())
        whole = False
        try:
            with contextlib.closing(decode(file, found, collected)) as blocks:
                for block, rate in blocks:
                    collected.add(block, rate)
            whole = True
        except _Broken as error:
            soundless = isinstance(error, _Soundless)
        if collected.samples > (0 if best is None else best.samples):
            best = collected
            if whole:
                break
    if best is None:
        if soundless:
            raise AudioError(f"{name} has no sound track; choose a recording or a video with sound.")
        raise AudioError(f"{name} holds no sound that can be read, so it may be damaged or cut short; export it again.")
    return best


class _InMemory:
    """Blocks ``(channels, samples)`` one behind the other."""

    def __init__(self) -> None:
        self.clear()

    def clear(self) -> None:
        """Begin anew."""
        self.pieces: list[np.ndarray] = []
        self.samples = self.channels = 0

    def append(self, block: np.ndarray) -> None:
        """Add a block; all have as many channels."""
        self.channels = block.shape[0]
        length = _PIECE // self.channels
        while block.shape[1]:
            piece, filled = divmod(self.samples, length)
            if piece == len(self.pieces):
                self.pieces.append(np.empty((self.channels, length), np.float32))
            part = block[:, : length - filled]
            self.pieces[piece][:, filled : filled + part.shape[1]] = part
            self.samples += part.shape[1]
            block = block[:, part.shape[1] :]

    def joined(self) -> np.ndarray:
        """Everything as one array; the pieces are given back one by one, so the recording is never held twice."""
        waveform = np.empty((self.channels, self.samples), np.float32)
        self.pieces.reverse()
        start = 0
        while self.pieces:
            piece = self.pieces.pop()[:, : self.samples - start]
            waveform[:, start : start + piece.shape[1]] = piece
            start += piece.shape[1]
        return waveform


class _OnDisk:
    """The same on a disk; ``extremes`` are the lowest and the highest sample of each channel."""

    def __init__(self, scratch: Scratch) -> None:
        self.scratch = scratch
        self.spool: Spool | None = None
        self.extremes: tuple[np.ndarray, np.ndarray] = (np.empty(0), np.empty(0))

    def clear(self) -> None:
        """Begin anew."""
        if self.spool is not None:
            self.spool.close()
        self.spool = None

    def append(self, block: np.ndarray) -> None:
        """Add a block; all have as many channels."""
        lowest, highest = block.min(axis=1), block.max(axis=1)
        if self.spool is None:
            self.spool = self.scratch.spool(len(block))
        else:
            lowest, highest = np.minimum(lowest, self.extremes[0]), np.maximum(highest, self.extremes[1])
        self.extremes = lowest, highest
        self.spool.append(block)


Kept = TypeVar("Kept", _InMemory, _OnDisk)


class _Collected(Generic[Kept]):
    """Blocks of one form, as many as are wanted."""

    def __init__(self, name: str, max_seconds: float | None, kept: Kept) -> None:
        self.name, self.max_seconds = name, max_seconds
        self.kept: Kept = kept
        self.samples = self.channels = self.rate = 0
        self.stray = 0.0

    def announce(self, frames: int, channels: int, rate: int, size: int) -> None:
        """Refuse early what a header says, where the file is large enough for it to be true."""
        check_form(channels, rate, self.name)
        if frames * channels <= size:
            self._limit(frames, channels, rate)

    def add(self, block: np.ndarray, rate: int) -> None:
        """Take a block ``(channels, samples)``.

        Raises:
            AudioError: an absurd form, one that changes for good, or more than is accepted.
        """
        channels, samples = block.shape
        check_form(channels, rate, self.name)
        if self.samples and (channels, rate) != (self.channels, self.rate):
            if self.samples > _STRAY * self.rate:
                self.stray += samples / rate
                if self.stray > _STRAY:
                    raise AudioError(
                        f"{self.name} changes its sample rate or its channels on the way; "
                        "export it again as one recording."
                    )
                return
            self.kept.clear()
            self.samples = 0
        self.channels, self.rate = channels, rate
        self._limit(self.samples + samples, channels, rate)
        if samples:
            self.kept.append(block)
            self.samples += samples

    def _limit(self, samples: int, channels: int, rate: int) -> None:
        if self.max_seconds is None:
            return
        if samples > self.max_seconds * rate:
            raise AudioError(
                f"{self.name} is longer than {self.max_seconds:g} seconds, the most that is accepted; "
                "choose a shorter part of it."
            )
        if samples * channels > MOST_VALUES:
            raise AudioError(
                f"{self.name} holds too much sound for its length, {channels} channels at {rate} Hz; "
                "choose a shorter part, or convert it to fewer channels or a lower rate."
            )


def _soundfile(file: BinaryIO, found: Format, collected: _Collected[Kept]) -> Blocks:
    import soundfile

    file.seek(0)
    try:
        # A descriptor, not a name: an ending such as .raw must not decide how the file is read.
        with soundfile.SoundFile(file.fileno(), closefd=False) as source:
            if found.demuxer == "ogg" and source.channels > 2:
                # It leaves them in Vorbis order, the centre second; everything else has the centre third.
                raise _Broken
            size = os.fstat(file.fileno()).st_size
            collected.announce(source.frames, source.channels, source.samplerate, size)
            while len(block := source.read(_BLOCK, dtype="float32", always_2d=True)):
                yield block.T, source.samplerate
    except (soundfile.SoundFileError, OSError, TypeError, ValueError) as error:
        raise _Broken from error


def _av(file: BinaryIO, found: Format, _: _Collected[Kept]) -> Blocks:
    import av

    file.seek(0)
    try:
        # Tags are often not UTF-8, and a strict reading of them would refuse the sound.
        with av.open(
            _Nameless(file), "r", format=found.demuxer, metadata_errors="replace", io_open=_refuse
        ) as container:
            if not container.streams.audio:
                raise _Soundless
            if container.streams.audio[0].codec_context is None:  # a codec that is unknown, or was before the damage
                raise _Broken
            yield from _trimmed(_frames(container), _stated_samples(container))
    except (av.FFmpegError, OSError, ValueError, RuntimeError, IndexError) as error:
        # IndexError: streams that turn up while a damaged file is read are not in PyAV's list.
        raise _Broken from error


class _Nameless:
    """A file that FFmpeg learns the content of, and nothing else."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self.read, self.tell = file.read, file.tell

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        """Go where a damaged file may point to: nowhere is an answer, while an exception would be printed."""
        try:
            return self._file.seek(offset, whence)
        except (OSError, ValueError, OverflowError):
            return -1


def _refuse(url: str, flags: int, options: dict[str, Any]) -> Any:
    raise PermissionError("a recording may not open other files")


def _frames(container: "InputContainer") -> Blocks:
    """The first audio stream, frame by frame, as float32 ``(channels, samples)``."""
    import av

    converter, form = av.AudioResampler(format="flt"), None
    for packet in container.demux(container.streams.audio[0]):
        decoded: list[av.AudioFrame] = []
        # A damaged packet costs its own sound only.
        with contextlib.suppress(av.FFmpegError):
            decoded = packet.decode()
        for frame in decoded:
            if form != (form := (frame.format.name, frame.layout.name, frame.sample_rate)):
                converter = av.AudioResampler(format="flt")
            if frame.samples and frame.sample_rate:
                # Packed: from eight channels on PyAV looks for a null pointer behind the planes that is not there,
                # and reads foreign memory.
                for packed in converter.resample(frame):
                    values = packed.to_ndarray().reshape(packed.samples, packed.layout.nb_channels)
                    yield np.ascontiguousarray(values.T, np.float32), packed.sample_rate


def _stated_samples(container: "InputContainer") -> int | None:
    """Samples that an MP4 states; its last AAC frame is filled up beyond them. Others say it in the stream itself."""
    stream = container.streams.audio[0]
    if container.format.name.startswith("mov") and stream.duration and stream.time_base and stream.rate:
        return round(stream.duration * stream.time_base * stream.rate)
    return None


def _trimmed(blocks: Blocks, stated: int | None) -> Blocks:
    """Cut what fills up the last block; a statement that is further off is wrong, and ignored."""
    last: tuple[np.ndarray, int] | None = None
    samples = 0
    for block in blocks:
        if last is not None:
            yield last
        last = block
        samples += block[0].shape[1]
    if last is not None:
        waveform, rate = last
        excess = samples - stated if stated is not None else 0
        yield waveform[:, :-excess] if 0 < excess < waveform.shape[1] else waveform, rate
