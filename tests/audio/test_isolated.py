"""Decoding in another process: the same recordings and sentences, and what becomes of a decoder that fails."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from lass import audio
from lass.audio import isolated
from lass.audio.isolated import Isolation, environment_for_decoders
from lass.errors import AudioError
from tests.audio.recordings import one_sentence, stored, tones

ROOT = Path(__file__).resolve().parents[2]
posix = pytest.mark.skipif(sys.platform == "win32", reason="signals stop the decoder")


@pytest.fixture(scope="module")
def shared() -> Iterator[Isolation]:
    decoders = Isolation(workers=1)
    yield decoders
    decoders.close()


@pytest.fixture
def fine(tmp_path: Path) -> Path:
    return stored(tmp_path / "fine.wav", tones(2), 16_000, "WAV", "PCM_16")


def refused(decoders: Isolation, path: Path, **limits: float) -> str:
    with pytest.raises(AudioError) as caught:
        decoders.read(path, **limits)
    return one_sentence(caught.value, path.parent)


@pytest.mark.parametrize(("kind", "subtype"), [("WAV", "FLOAT"), ("FLAC", "PCM_24"), ("OGG", "VORBIS")])
def test_the_same_samples_as_in_this_process(shared: Isolation, tmp_path: Path, kind: str, subtype: str) -> None:
    path = stored(tmp_path / "a", tones(2, 44_100, 1.3), 44_100, kind, subtype)
    here, there = audio.read(path), shared.read(path)
    assert there.sample_rate == here.sample_rate
    np.testing.assert_array_equal(there.waveform, here.waveform)


def test_the_same_sentences_as_in_this_process(shared: Isolation, fine: Path, tmp_path: Path) -> None:
    (tmp_path / "text.wav").write_text("no sound")
    text, gone = tmp_path / "text.wav", tmp_path / "gone.wav"
    for path, limits in [(text, {}), (gone, {}), (fine, {"max_seconds": 0.2}), (fine, {"max_bytes": 9})]:
        with pytest.raises(AudioError) as here:
            audio.read(path, **limits)
        assert refused(shared, path, **limits) == str(here.value)


def test_one_process_serves_many_recordings(shared: Isolation, fine: Path, tmp_path: Path) -> None:
    (tmp_path / "text.wav").write_text("no sound")
    shared.read(fine)
    before = shared.processes()
    refused(shared, tmp_path / "text.wav")
    shared.read(fine)
    assert shared.processes() == before


@posix
def test_a_decoder_that_died_between_two_recordings_is_not_noticed(shared: Isolation, fine: Path) -> None:
    shared.read(fine)
    (pid,) = shared.processes()
    os.kill(pid, signal.SIGKILL)
    os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)
    assert shared.read(fine).seconds == 0.5
    assert shared.processes() != [pid]


@posix
def test_a_decoder_that_hangs_is_given_up_and_replaced(fine: Path) -> None:
    decoders = Isolation(workers=1, seconds=30)
    decoders.read(fine)
    (pid,) = decoders.processes()
    os.kill(pid, signal.SIGSTOP)
    decoders.seconds = 0.2
    assert "within 0.2 seconds" in refused(decoders, fine)
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)
    decoders.seconds = 30
    assert decoders.read(fine).seconds == 0.5
    decoders.close()


@posix
def test_a_decoder_that_crashes_is_a_sentence_and_replaced(fine: Path) -> None:
    decoders = Isolation(workers=1)
    decoders.read(fine)
    (pid,) = decoders.processes()
    os.kill(pid, signal.SIGSTOP)
    crash = threading.Timer(0.3, os.kill, (pid, signal.SIGKILL))
    crash.start()
    assert "its decoder failed" in refused(decoders, fine)
    crash.join()
    assert decoders.read(fine).seconds == 0.5
    decoders.close()


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux bounds the memory of a process")
def test_a_decoder_that_wants_too_much_memory_gets_none_and_goes_on(fine: Path, tmp_path: Path) -> None:
    decoders = Isolation(workers=1, memory=48 * 2**20)
    noise = np.random.default_rng(0).normal(0, 0.1, (2, 6_000_000)).astype(np.float32)
    large = stored(tmp_path / "large.wav", noise, 96_000, "WAV", "PCM_U8")
    assert "memory" in refused(decoders, large)
    before = decoders.processes()
    assert decoders.read(fine).seconds == 0.5
    assert decoders.processes() == before
    decoders.close()


def test_after_some_recordings_a_decoder_is_renewed(fine: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(isolated, "RENEWED_AFTER", 2)
    decoders = Isolation(workers=1)
    decoders.read(fine)
    first = decoders.processes()
    decoders.read(fine)
    decoders.read(fine)
    assert decoders.processes() != first
    decoders.close()


def test_closed_it_leaves_no_process_and_says_so(fine: Path) -> None:
    decoders = Isolation(workers=2)
    decoders.warm()
    pids = decoders.processes()
    assert len(pids) == 2
    decoders.close()
    decoders.warm()
    assert decoders.processes() == []
    assert "is stopping" in refused(decoders, fine)
    if sys.platform != "win32":
        for pid in pids:
            with pytest.raises(ProcessLookupError):
                os.kill(pid, 0)


@posix
def test_when_the_application_is_killed_its_decoders_end(fine: Path) -> None:
    program = (
        "import sys, time; from lass.audio.isolated import Isolation; decoders = Isolation(workers=1);"
        "decoders.read(sys.argv[1]); print(*decoders.processes(), flush=True); time.sleep(600)"
    )
    killed = subprocess.Popen([sys.executable, "-c", program, str(fine)], stdout=subprocess.PIPE, text=True, cwd=ROOT)
    assert killed.stdout is not None
    pid = int(killed.stdout.readline())
    killed.kill()
    killed.communicate()
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and is_running(pid):
        time.sleep(0.02)
    assert not is_running(pid)


def is_running(pid: int) -> bool:
    """Whether a process is there and no mere entry that nobody has fetched yet."""
    try:
        os.kill(pid, 0)
        return sys.platform != "linux" or ") Z " not in Path(f"/proc/{pid}/stat").read_text("ascii")
    except (ProcessLookupError, FileNotFoundError):
        return False


def test_fifty_visitors_at_once_each_get_their_own(tmp_path: Path) -> None:
    decoders = Isolation(workers=2)
    paths = [
        stored(tmp_path / f"{number}.wav", (number + 1) / 60 * tones(1, 16_000, 2), 16_000, "WAV", "FLOAT")
        for number in range(50)
    ]
    with ThreadPoolExecutor(50) as visitors:
        found = list(visitors.map(decoders.read, paths))
    for number, recording in enumerate(found):
        np.testing.assert_allclose(np.abs(recording.waveform).max(), 0.3 * (number + 1) / 60, rtol=1e-3)
    assert len(decoders.processes()) <= 2
    decoders.close()


def test_a_decoder_is_told_no_secret() -> None:
    told = environment_for_decoders({"PATH": "/bin", "HF_TOKEN": "hunter2", "LASS_ADMIN_PASSWORD": "hunter2"})
    assert told == {"PATH": "/bin"}


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_a_decoder_knows_nothing_of_this_environment(
    shared: Isolation, fine: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_TOKEN", "hunter2")
    decoders = Isolation(workers=1)
    decoders.read(fine)
    (pid,) = decoders.processes()
    place = Path(f"/proc/{pid}")
    assert b"hunter2" not in (place / "environ").read_bytes()
    limits = (place / "limits").read_text("ascii")
    assert "Max file size             0 " in limits
    assert "Max address space         unlimited" not in limits
    decoders.close()


@pytest.mark.parametrize(
    "answer",
    [b"nonsense\n", b"", b'{"channels": 99, "samples": 10, "rate": 16000}\n', b'{"channels": 1}\n', b"[1]\n",
     b'{"channels": 32, "samples": 999999999999, "rate": 16000}\n', b'{"channels": 1, "samples": -1, "rate": 8000}\n',
     b'{"channels": 1, "samples": 9, "rate": 16000}\nshort', b'{"fault": "IndexError"}\n', b"x" * 9999],
)  # fmt: skip
def test_what_a_taken_over_decoder_says_is_not_believed(
    fine: Path, monkeypatch: pytest.MonkeyPatch, answer: bytes
) -> None:
    say = f"o.write(b'ready\\n'); o.flush(); sys.stdin.readline(); o.write({answer!r})"
    monkeypatch.setattr(isolated, "_PROGRAM", f"import sys; o = sys.stdout.buffer; {say}")
    decoders = Isolation(workers=1)
    refused(decoders, fine, max_seconds=600)
    monkeypatch.undo()
    decoders.close()


@pytest.mark.parametrize("sentence", ["", "two\nlines", "x" * 999, 5, ["a"]])
def test_a_sentence_of_a_taken_over_decoder_is_not_shown(sentence: object) -> None:
    assert isolated._checked_sentence(sentence, "a.wav").startswith("a.wav could not be read")
