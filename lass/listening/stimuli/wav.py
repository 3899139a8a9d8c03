"""The form in which sounds are served: 16-bit stereo WAV, which every browser plays, no two files alike."""

import struct

import numpy as np

_PCM = 1  # WAVE_FORMAT_PCM


def wav(samples: np.ndarray, sample_rate: int, mark: bytes) -> bytes:
    """A WAV file of whole numbers ``(2, samples)``, int16.

    ``mark`` stands in a JUNK chunk, which players skip. The hidden anchor is its item's mixture, and without the mark
    the two would be one file under two names, told by its hash or by a cache. The marks of a study are equally long,
    so that sizes tell nothing either. A chunk rather than dither: what is heard stays, to the last bit, what was
    levelled and measured. Who goes as far as comparing samples learns no more than who listens.
    """
    form = struct.pack("<HHIIHH", _PCM, 2, sample_rate, 4 * sample_rate, 4, 16)
    content = samples.astype("<i2").T.tobytes()
    chunks = b"".join((_chunk(b"fmt ", form), _chunk(b"JUNK", mark), _chunk(b"data", content)))
    return _chunk(b"RIFF", b"WAVE" + chunks)


def _chunk(name: bytes, content: bytes) -> bytes:
    return name + struct.pack("<I", len(content)) + content + bytes(len(content) % 2)


__all__ = ["wav"]
