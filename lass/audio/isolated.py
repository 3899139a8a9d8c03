"""Decoding of strangers' files in processes of their own, which can be stopped and replaced.

libsndfile and FFmpeg are large programs in C: a file made to break them shall take down a process that holds nothing
but that file, no secret of the environment, and no right to write. The processes are started ahead of time and used
again, so that an upload pays for its own decoding and for carrying the samples over, and not for a start of Python.
"""

import contextlib
import json
import logging
import os
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from typing import IO

import numpy as np

from lass.audio.decoding import MOST_VALUES
from lass.audio.recording import HIGHEST_RATE, LOWEST_RATE, MOST_CHANNELS, Audio, shown
from lass.audio.worker import READY
from lass.errors import AudioError

SECONDS = 60.0
"""Time in which a recording has to be decoded."""
MEMORY = 4 * 2**30
"""Bytes of address space that a decoder may take beyond its libraries: twice the largest recording that is accepted,
for a moment twice because of two decoders, and reserved rather than used."""
RENEWED_AFTER = 200
"""Recordings after which a decoder is replaced, whatever has piled up in it."""
_LONGEST_LINE = 4096
_LONGEST_SENTENCE = 400
_PIPE = 2**20
# Its own environment says nothing, and its path is exactly ours, wherever the package lies.
_PROGRAM = "import json, sys; sys.path[:] = json.loads(sys.argv.pop(1)); from lass.audio.worker import main; main()"
_FEW_THREADS = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "MALLOC_ARENA_MAX": "2"}

log = logging.getLogger(__name__)


class Isolation:
    """Decodes in processes apart; shared by any number of threads. Starts the first process when it is needed.

    Args:
        workers: how many recordings are decoded at once; others wait.
        seconds: how long one may take.
        memory: bytes that a decoder may take, where the system can say so.
        environment: what the processes are told of the environment: nothing but what a program needs to start.
    """

    def __init__(
        self,
        *,
        workers: int = 2,
        seconds: float = SECONDS,
        memory: int = MEMORY,
        environment: Mapping[str, str] | None = None,
    ) -> None:
        self.seconds = seconds
        self._memory = memory
        self._workers = workers
        self._environment = {**(environment or {}), **_FEW_THREADS}
        self._places = threading.BoundedSemaphore(workers)
        self._lock = threading.Lock()
        self._idle: list[_Worker] = []
        self._closed = False

    def read(
        self, path: str | os.PathLike[str], *, max_seconds: float | None = None, max_bytes: int | None = None
    ) -> Audio:
        """:func:`lass.audio.read` in another process, with its arguments and errors.

        Raises:
            AudioError: whatever ``read`` refuses, and what made its decoder fail, take too long or take too much.
        """
        request = {"path": os.path.abspath(path), "max_seconds": max_seconds, "max_bytes": max_bytes}
        with self._places:
            worker = self._take(shown(path))
            try:
                recording = worker.ask(request, self.seconds, shown(path))
            finally:
                self._put_back(worker)
        if max_seconds is not None and recording.waveform.shape[1] > max_seconds * recording.sample_rate:
            raise AudioError(f"{shown(path)} could not be read, so it may be damaged; export it again.")
        return recording

    def warm(self) -> None:
        """Start every process now, so that nobody waits for it; they load their libraries on their own time."""
        with self._lock:
            while not self._closed and len(self._idle) < self._workers:
                with contextlib.suppress(OSError):
                    self._idle.append(self._start())
                    continue
                return

    def processes(self) -> list[int]:
        """The ids of the processes that wait for work."""
        with self._lock:
            return [worker.process.pid for worker in self._idle]

    def close(self) -> None:
        """End the processes; a recording that is being decoded is finished, and nothing is decoded after that."""
        with self._lock:
            self._closed = True
            idle, self._idle = self._idle, []
        for worker in idle:
            worker.end()

    def _start(self) -> "_Worker":
        return _Worker(self._memory, self.seconds, self._environment)

    def _take(self, name: str) -> "_Worker":
        try:
            with self._lock:
                if self._closed:
                    raise AudioError(f"{name} cannot be read, because the application is stopping; try again later.")
                while self._idle:
                    worker = self._idle.pop()
                    if worker.lives:
                        return worker
                    worker.end()
                return self._start()
        except OSError as error:
            log.error("No decoder could be started: %s", error)
            raise AudioError(f"{name} cannot be read at the moment; try again in a minute.") from error

    def _put_back(self, worker: "_Worker") -> None:
        with self._lock:
            if worker.lives and worker.served < RENEWED_AFTER and not self._closed:
                self._idle.append(worker)
                return
        worker.end()
        self.warm()  # the next visitor finds one that has loaded its libraries already


class _Worker:
    """One process, and the pipes to it. Whoever holds it is its only user."""

    def __init__(self, memory: int, seconds: float, environment: Mapping[str, str]) -> None:
        # A new program, never a fork of this one: torch's threads and their locks do not survive that.
        self.process = subprocess.Popen(
            [sys.executable, "-I", "-B", "-X", "utf8", "-c", _PROGRAM, json.dumps(sys.path), str(memory), str(seconds)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=dict(environment),
            pipesize=_PIPE,
        )  # fmt: skip
        self.served = 0
        self._usable = True
        self._ready = False

    @property
    def lives(self) -> bool:
        """Whether it can take another request."""
        return self._usable and self.process.poll() is None

    def ask(self, request: Mapping[str, object], seconds: float, name: str) -> Audio:
        """Send one request and wait for its answer. Raises AudioError."""
        self.served += 1
        usable, self._usable = self._usable, False  # until the whole answer is here
        assert usable
        with _ending(self.process, seconds) as late:
            try:
                recording = self._answer(request, name)
            except (OSError, EOFError, ValueError, KeyError, TypeError) as error:
                if late.is_set():
                    log.warning("A decoder was stopped after %g seconds.", seconds)
                    raise AudioError(
                        f"{name} could not be read within {seconds:g} seconds; "
                        "choose a shorter part of it, or export it again as wav or flac."
                    ) from None
                log.warning("A decoder ended in the middle of its work: %s.", type(error).__name__)
                raise AudioError(
                    f"{name} could not be read because its decoder failed, so it may be damaged; "
                    "export it again as wav or flac."
                ) from None
        return recording

    def _answer(self, request: Mapping[str, object], name: str) -> Audio:
        given, taken = self.process.stdin, self.process.stdout
        assert given is not None
        assert taken is not None
        if not self._ready:
            self._ready = _line(taken) == READY
            if not self._ready:
                raise EOFError
        given.write(json.dumps(dict(request)).encode() + b"\n")
        given.flush()
        answer = json.loads(_line(taken))
        if "sentence" in answer:
            self._usable = True
            raise AudioError(_checked_sentence(answer["sentence"], name))
        channels, samples, rate = (int(answer[key]) for key in ("channels", "samples", "rate"))
        # It read a stranger's file, so its word is a stranger's.
        if not (1 <= channels <= MOST_CHANNELS and LOWEST_RATE <= rate <= HIGHEST_RATE and samples >= 1):
            raise ValueError("no form of a recording")
        if samples * channels > MOST_VALUES and request["max_seconds"] is not None:
            raise ValueError("too much")
        waveform = np.empty((channels, samples), np.float32)
        left = waveform.data.cast("B")
        while len(left):
            got = taken.readinto(left)  # type: ignore[attr-defined]
            if not got:
                raise EOFError
            left = left[got:]
        self._usable = True
        return Audio(waveform, rate)

    def end(self) -> None:
        """Stop the process, whatever it does, and leave nothing of it."""
        self._usable = False
        self.process.kill()
        for pipe in (self.process.stdin, self.process.stdout):
            if pipe is not None:
                with contextlib.suppress(OSError):
                    pipe.close()
        self.process.wait()


@contextlib.contextmanager
def _ending(process: subprocess.Popen[bytes], seconds: float) -> Iterator[threading.Event]:
    """Kill the process should this last longer; the event says that it did."""
    late = threading.Event()

    def end() -> None:
        late.set()
        process.kill()

    timer = threading.Timer(seconds, end)
    timer.daemon = True
    timer.start()
    try:
        yield late
    finally:
        timer.cancel()


def _line(pipe: IO[bytes]) -> bytes:
    """One line of an answer; raises EOFError where there is none, or no end of it."""
    line = pipe.readline(_LONGEST_LINE)
    if not line.endswith(b"\n"):
        raise EOFError
    return line


def _checked_sentence(sentence: object, name: str) -> str:
    """What the decoder says of a file, if it may be shown."""
    if isinstance(sentence, str) and 0 < len(sentence) <= _LONGEST_SENTENCE and sentence.isprintable():
        return sentence
    return f"{name} could not be read, so it may be damaged; export it again."


def environment_for_decoders(environment: Mapping[str, str]) -> dict[str, str]:
    """What of an environment a decoder is told: where libraries and temporary files lie; no secret, no setting."""
    wanted = ("PATH", "SYSTEMROOT", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "TMPDIR", "TEMP", "TMP")
    return {name: environment[name] for name in wanted if name in environment}


__all__ = ["MEMORY", "RENEWED_AFTER", "SECONDS", "Isolation", "environment_for_decoders"]
