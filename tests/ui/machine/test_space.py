"""The disk of visitors' files: bounded, swept, and one folder per run of the application."""

import asyncio
import gc
import os
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import AsyncGenerator
from pathlib import Path
from typing import NamedTuple

import pytest
from gradio.route_utils import GradioMultiPartParser
from starlette.datastructures import Headers
from starlette.requests import ClientDisconnect

from lass.ui.machine import space
from lass.ui.machine.space import NoRoomError, Space, claim

KEEP = 3_600.0


def old() -> float:
    """A time, seen from now, that is older than what is protected and younger than what is over."""
    return time.time() - 3_000


class Usage(NamedTuple):
    total: int
    used: int
    free: int


def result(folder: Path, name: str, size: int = 1_000, when: float | None = None) -> Path:
    made = folder / name
    made.mkdir()
    (made / "target.wav").write_bytes(bytes(size))
    if when is not None:
        for path in (made / "target.wav", made):
            os.utime(path, (when, when))
    return made


@pytest.fixture
def disk(tmp_path: Path) -> Space:
    return Space(tmp_path, keep_seconds=KEEP, most_result_bytes=2_000, most_bytes=5_000)


def test_what_visitors_files_take_and_nothing_else(disk: Space, tmp_path: Path) -> None:
    result(tmp_path, "lass-a")
    result(tmp_path, "a" * 64)
    result(tmp_path, "somebody-elses")
    assert disk.used() == 2_000


def test_a_result_that_is_too_large_is_refused(disk: Space) -> None:
    disk.make(2_000)
    with pytest.raises(NoRoomError, match="choose a shorter part"):
        disk.make(2_001)


def test_the_oldest_results_make_room_and_no_more_than_have_to(disk: Space, tmp_path: Path) -> None:
    found = [result(tmp_path, f"lass-{number}", when=old() + number) for number in (2, 0, 1, 3)]
    disk.make(2_000)
    assert [folder.exists() for folder in found] == [True, False, True, True]


def test_what_somebody_listens_to_stays_and_the_next_is_told(disk: Space, tmp_path: Path) -> None:
    found = [result(tmp_path, f"lass-{number}") for number in range(4)]
    with pytest.raises(NoRoomError, match="in some minutes"):
        disk.make(2_000)
    assert all(folder.exists() for folder in found)


def test_a_long_work_that_still_writes_is_young(disk: Space, tmp_path: Path) -> None:
    folder = result(tmp_path, "lass-a", when=time.time() - 2 * KEEP)
    (folder / "separated.zip").touch()
    os.utime(folder, (0, 0))
    disk.tidy()
    assert folder.exists()


def test_a_full_disk_is_a_sentence(disk: Space, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda _: Usage(10**12, 10**12, space.LEFT_FREE + 999))
    disk.make(999)
    with pytest.raises(NoRoomError):
        disk.make(1_000)


def test_uploads_and_results_of_a_crash_go_when_their_time_is_over(disk: Space, tmp_path: Path) -> None:
    over = time.time() - KEEP - 60
    gone = [result(tmp_path, name, when=over) for name in ("lass-a", "0f" * 32)]
    kept = [result(tmp_path, "lass-b"), result(tmp_path, "examples", when=over), result(tmp_path, "0f" * 31, when=over)]
    disk.tidy()
    assert not any(folder.exists() for folder in gone)
    assert all(folder.exists() for folder in kept)


async def broken_upload(folder: Path, size: int) -> None:
    """Gradio receives an upload whose visitor leaves before it is whole."""

    async def stream() -> AsyncGenerator[bytes, None]:
        head = b'--x\r\nContent-Disposition: form-data; name="files"; filename="secret.wav"\r\n\r\n'
        yield head + bytes(size)
        raise ClientDisconnect

    headers = Headers({"content-type": "multipart/form-data; boundary=x"})
    with pytest.raises(ClientDisconnect):
        await GradioMultiPartParser(headers, stream(), upload_dir=folder, max_file_size=10_000).parse()


def test_an_upload_that_was_broken_off_counts_and_goes_when_its_time_is_over(disk: Space, tmp_path: Path) -> None:
    asyncio.run(broken_upload(tmp_path, 3_000))
    gc.collect()  # what was written of it is on the disk when Gradio's file is closed
    (left,) = tmp_path.iterdir()
    assert disk.used() == left.stat().st_size > 2_000
    disk.tidy()
    assert left.exists()
    over = time.time() - KEEP - 60
    os.utime(left, (over, over))
    Space(tmp_path, keep_seconds=KEEP, most_result_bytes=1, most_bytes=1).tidy()
    assert not left.exists()


def test_in_the_temporary_folder_of_all_programs_other_people_s_files_stay(
    disk: Space, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    with tempfile.NamedTemporaryFile(delete=False) as foreign:
        os.utime(foreign.name, (0, 0))
    disk.tidy()
    assert Path(foreign.name).exists()


class Clocks:
    """The machine's clock, which jumps, and the other one, which does not."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.wall, self.steady = time.time(), time.monotonic()
        monkeypatch.setattr(time, "time", lambda: self.wall)
        monkeypatch.setattr(time, "monotonic", lambda: self.steady)

    def pass_by(self, seconds: float, *, jump: float = 0.0) -> None:
        self.steady += seconds
        self.wall += seconds + jump


@pytest.mark.parametrize("jump", [-10 * KEEP, 10 * KEEP])
def test_a_clock_that_jumps_takes_nobodys_result_and_keeps_none_for_ever(
    disk: Space, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, jump: float
) -> None:
    clocks = Clocks(monkeypatch)
    disk.tidy()
    first = result(tmp_path, "lass-a", when=clocks.wall)
    disk.tidy()
    clocks.pass_by(300)
    second = result(tmp_path, "lass-b", when=clocks.wall)  # not looked at before the jump
    clocks.pass_by(10, jump=jump)
    disk.tidy()
    assert first.exists()
    assert second.exists()
    clocks.pass_by(KEEP - 300)
    disk.tidy()
    assert not first.exists()
    clocks.pass_by(600)
    disk.tidy()
    assert not second.exists()


def test_two_looks_at_once_keep_nothing_for_longer(
    disk: Space, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clocks = Clocks(monkeypatch)
    folders = [result(tmp_path, f"lass-{number}", when=clocks.wall) for number in range(2)]
    disk.tidy()
    clocks.pass_by(KEEP - 60)
    changed, looked_at = space._changed, 0
    other = threading.Thread(target=disk.tidy)
    began, ended = threading.Event(), threading.Event()

    def look_meanwhile(path: Path) -> float:
        nonlocal looked_at
        if threading.current_thread() is other:
            began.set()
            ended.wait(5)
            return changed(path)
        looked_at += 1
        if looked_at == 2:
            other.start()
            began.wait(0.5)  # in vain, with one look at a time
        return changed(path)

    monkeypatch.setattr(space, "_changed", look_meanwhile)
    disk.tidy()
    ended.set()
    other.join()
    clocks.pass_by(120)
    disk.tidy()
    assert not any(folder.exists() for folder in folders)


def test_a_folder_that_cannot_be_written_is_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    disk = Space(tmp_path / "file", keep_seconds=KEEP, most_result_bytes=9, most_bytes=9)
    with pytest.raises(NoRoomError, match="cannot be written"), disk.result():
        pass


def test_a_failed_result_leaves_nothing(disk: Space, tmp_path: Path) -> None:
    def fail() -> None:
        with disk.result() as folder:
            (folder / "half.wav").touch()
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_was_given_is_taken(tmp_path: Path) -> None:
    assert claim({"GRADIO_TEMP_DIR": str(tmp_path)}, KEEP) == (tmp_path, False)


def test_each_run_has_a_folder_and_those_of_dead_runs_go(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    first, alone = claim({}, KEEP)
    assert alone
    dead = subprocess.Popen([sys.executable, "-c", ""])
    dead.wait()
    crashed, alive = first.with_name(f"run-{dead.pid}-x"), first.with_name(f"run-{os.getppid()}-x")
    result(tmp_path, "foreign")
    for folder in (crashed, alive):
        folder.mkdir()
        (folder / "upload").mkdir()
    second, _ = claim({}, KEEP)
    assert second != first
    assert not crashed.exists()
    assert alive.exists()
    assert (tmp_path / "foreign").exists()
    if os.name == "posix":
        assert second.stat().st_mode & 0o077 == 0


@pytest.mark.skipif(os.name != "posix", reason="needs links")
def test_a_link_under_our_name_is_not_followed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    private = tmp_path / "private"
    private.mkdir()
    (tmp_path / f"lass-{os.getuid()}").symlink_to(private)
    folder, _ = claim({}, KEEP)
    assert private not in folder.parents
    assert list(private.iterdir()) == []
