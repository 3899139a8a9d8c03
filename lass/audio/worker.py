"""The process that decodes for :mod:`lass.audio.isolated`: one request after the other, until its input ends.

A request is a line of JSON: ``path``, ``max_seconds``, ``max_bytes``. An answer is a line of JSON, and behind one that
has ``samples`` so many float32 values, channel by channel. Nothing else is ever written: no file may be made here, and
what a library prints goes nowhere.
"""

import contextlib
import json
import os
import signal
import sys
from typing import Any, BinaryIO

READY = b"ready\n"
GRACE = 5
"""Seconds after its time limit at which a decoder ends itself, should nobody be left to end it."""


def main() -> None:
    """Answer requests; the arguments are the most memory in bytes, and the time limit of a request in seconds."""
    memory, seconds = int(sys.argv[1]), float(sys.argv[2])
    answers = os.fdopen(os.dup(1), "wb")
    with open(os.devnull, "wb") as nowhere:
        os.dup2(nowhere.fileno(), 1)
        os.dup2(nowhere.fileno(), 2)
    # Here rather than with the first request: loading these takes longer than decoding does.
    import av  # noqa: F401
    import soundfile  # noqa: F401

    import lass.audio.decoding  # noqa: F401

    _limit(memory)
    answers.write(READY)
    answers.flush()
    for line in sys.stdin.buffer:
        _alarm(seconds + GRACE)
        _answer(json.loads(line), answers)
        answers.flush()
        _alarm(0)


def _answer(request: dict[str, Any], answers: BinaryIO) -> None:
    from lass.audio.decoding import read
    from lass.errors import AudioError

    try:
        recording = read(request["path"], max_seconds=request["max_seconds"], max_bytes=request["max_bytes"])
    except AudioError as error:
        _say(answers, sentence=str(error))
        return
    except Exception as error:  # noqa: BLE001 - whatever it was, this process goes on, and the other one tells
        _say(answers, fault=type(error).__name__)
        return
    channels, samples = recording.waveform.shape
    _say(answers, channels=channels, samples=samples, rate=recording.sample_rate)
    for channel in recording.waveform:
        answers.write(channel.data)


def _say(answers: BinaryIO, **values: Any) -> None:
    answers.write(json.dumps(values).encode() + b"\n")


def _limit(memory: int) -> None:
    """Bound what this process may take, where the system knows how: no files, and memory beyond what it has now."""
    try:
        import resource
    except ImportError:  # Windows
        return
    with contextlib.suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    # macOS refuses the limit; what a decoder holds is bounded there by lass.audio.decoding alone.
    with contextlib.suppress(ValueError, OSError):
        most = _address_space() + memory
        resource.setrlimit(resource.RLIMIT_AS, (most, most))


def _address_space() -> int:
    """Bytes of address space that this process has taken, 0 where that is not known."""
    try:
        with open("/proc/self/statm", encoding="ascii") as file:
            return int(file.read().split()[0]) * os.sysconf("SC_PAGE_SIZE")
    except OSError:
        return 0


def _alarm(seconds: float) -> None:
    """End this process so many seconds from now, even from within a library's loop; 0 means not any more."""
    if hasattr(signal, "setitimer"):
        signal.setitimer(signal.ITIMER_REAL, seconds)
