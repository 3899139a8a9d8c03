"""Write a recording so that it can be read back bit for bit."""

import os
import secrets
import struct
from pathlib import Path

import numpy as np

from lass.audio.recording import as_float32, as_rate, check_form, check_samples, shown
from lass.errors import AudioError
from lass.waveforms import Computed, Spool, Waveform, blocks

_FLOAT = 3  # WAVE_FORMAT_IEEE_FLOAT


def write(path: str | os.PathLike[str], waveform: np.ndarray | Waveform, sample_rate: int) -> Path:
    """Write ``(channels, samples)`` or ``(samples,)`` as a 32-bit float WAV: never clipped, never scaled.

    The file appears under its name only when it is whole, replacing what was there. The same samples give the same
    bytes. From 4 GiB on the file is an RF64.

    Raises:
        AudioError: the samples or the rate are none (see :func:`lass.audio.check`; silent and short ones are
            written), the folder cannot be written to, or the disk is full.
    """
    file = Path(path)
    rate = as_rate(sample_rate, shown(file))
    samples = waveform if isinstance(waveform, Computed | Spool) else as_float32(waveform)
    check_form(samples.shape[0], rate, shown(file))
    partial = file.with_name(f".{secrets.token_hex(8)}.partial") if file.name else None
    if partial is None:
        raise AudioError(f"{shown(file)} is not a name for a file; choose another one.")
    try:
        try:
            with partial.open("xb") as raw:
                raw.write(header(samples.shape[0], samples.shape[1], rate))
                for block in blocks(samples):
                    check_samples(block, shown(file))
                    raw.write(block.T.astype("<f4").tobytes())
            partial.replace(file)
        except BaseException:
            partial.unlink(missing_ok=True)
            raise
    except (OSError, ValueError) as error:
        raise AudioError(f"{shown(file)} cannot be written; check the folder and the space on its disk.") from error
    return file


def header(channels: int, samples: int, sample_rate: int) -> bytes:
    """What stands before the samples in a float WAV, or in an RF64 (EBU Tech 3306) where 32 bits cannot count them.

    Written here because libsndfile adds the time of day, which makes equal recordings unequal files.
    """
    data = 4 * channels * samples
    form = struct.pack("<HHIIHHH", _FLOAT, channels, sample_rate, 4 * channels * sample_rate, 4 * channels, 32, 0)
    chunks = b"fmt " + struct.pack("<I", len(form)) + form
    small = data + 64 < 2**32
    chunks += b"fact" + struct.pack("<II", 4, samples if small else 2**32 - 1)
    if small:
        chunks += b"data" + struct.pack("<I", data)
        return b"RIFF" + struct.pack("<I", 4 + len(chunks) + data) + b"WAVE" + chunks
    chunks += b"data" + struct.pack("<I", 2**32 - 1)
    # The size counts everything after the first eight bytes: the form, this chunk, the others, the samples.
    sizes = b"ds64" + struct.pack("<IQQQI", 28, 4 + 36 + len(chunks) + data, data, samples, 0)
    return b"RF64" + struct.pack("<I", 2**32 - 1) + b"WAVE" + sizes + chunks
