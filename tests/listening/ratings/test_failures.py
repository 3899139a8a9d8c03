"""What becomes of the store when the database, the disk or its folder fails, and when they come back."""

import sqlite3
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from lass.errors import LassError
from lass.listening.ratings.store import Store, StoreError
from tests.listening.databases import Place, Server, begin, rate

ROOT = Path(__file__).resolve().parents[3]
# What happens to the files of a server is the server's business.
ON_SQLITE = pytest.mark.parametrize("place", ["sqlite"], indirect=True)


def test_a_database_that_goes_and_comes_back(place: Place, postgresql: Server) -> None:
    """While it is away nothing is acknowledged; afterwards the same request succeeds, once."""
    store = place.open()
    token = begin(store)
    first = rate(store, token, 0)
    if place.kind == "sqlite":
        hold = sqlite3.connect(place.folder / "ratings.sqlite", isolation_level=None)
        hold.execute("PRAGMA locking_mode = EXCLUSIVE")
        hold.close()
        away = place.folder.with_name("away")
        place.folder.rename(away)
        place.folder.write_text("a file where the folder was")
    else:
        name = str(place.url).rpartition("/")[2]
        postgresql.execute(f'ALTER DATABASE "{name}" ALLOW_CONNECTIONS false')
        postgresql.execute(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'")
    with pytest.raises(StoreError) as caught:
        rate(store, token, 1)
    assert str(caught.value).endswith("again in a moment.")
    assert not store.healthy()
    assert store.status()["problems"]
    if place.kind == "sqlite":
        place.folder.unlink()
        away.rename(place.folder)
    else:
        postgresql.execute(f'ALTER DATABASE "{name}" ALLOW_CONNECTIONS true')
    assert store.healthy()
    second = rate(store, token, 1)
    assert store.ratings("study") == [first, second]
    assert store.status()["problems"] == []


@ON_SQLITE
def test_a_database_file_that_vanished_is_made_again_from_the_journal(place: Place) -> None:
    store = place.open()
    token = begin(store)
    first = rate(store, token, 0)
    place.lose_database()
    second = rate(store, token, 1)
    assert store.ratings("study") == [first, second]


@ON_SQLITE
def test_a_database_that_was_put_in_its_place_catches_up(place: Place, tmp_path: Path) -> None:
    """A backup is restored while the application runs."""
    store = place.open()
    token = begin(store)
    first = rate(store, token, 0)
    store.backup(tmp_path / "old")
    second = rate(store, token, 1)
    place.lose_database()
    (tmp_path / "old").rename(place.folder / "ratings.sqlite")
    third = rate(store, token, 2)
    assert store.ratings("study") == [first, second, third]
    assert place.open().ratings("study") == [first, second, third]


CRAMPED = """
import resource, signal, sys
from pathlib import Path
from lass.listening.ratings.records import reference
from lass.listening.ratings.store import Store, StoreError
from tests.listening.databases import begin, rate
url, folder = sys.argv[1] or None, Path(sys.argv[2])
store = Store.open(url, folder)
token = begin(store)
soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
room = 4096 if url else (folder / "ratings.sqlite-wal").stat().st_size + 40_000
resource.setrlimit(resource.RLIMIT_FSIZE, (room, hard))
saved, refused = [], None
for trial in range(500):
    try:
        saved.append(rate(store, token, trial).trial)
    except StoreError as error:
        refused = refused or str(error)
        last = trial
        break
assert refused and refused.endswith("."), refused
resource.setrlimit(resource.RLIMIT_FSIZE, (100, hard))
assert not store.healthy()
try:
    rate(store, token, last)
    raise SystemExit("acknowledged without room")
except StoreError:
    pass
resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
assert store.healthy()
saved.append(rate(store, token, last).trial)
saved.append(rate(store, token, last + 1).trial)
print(token, len(saved), refused)
"""


def test_a_full_disk_refuses_and_recovers(place: Place) -> None:
    """A limit on the size of files stands in for the disk: the write fails in the same place."""
    command = [sys.executable, "-c", CRAMPED, place.url or "", str(place.folder)]
    run = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120, check=False)
    assert run.returncode == 0, run.stderr
    token, count = run.stdout.split()[:2]
    assert 1 < int(count) < 500
    ratings = place.open().ratings("study")
    assert [record.trial for record in ratings] == list(range(int(count)))
    place.lose_database()
    assert place.open().ratings("study") == ratings
    assert {record.session for record in ratings} == {token}


READ_ONLY = """
import os, sys
from pathlib import Path
from lass.listening.ratings.records import reference
from lass.listening.ratings.store import Store, StoreError
folder, elsewhere = map(Path, sys.argv[1:])
Store.open(None, elsewhere).close()  # loads all that is needed, while everything can be read
if os.geteuid() == 0:  # who may write everywhere
    os.setgroups([])
    os.setgid(65534)
    os.setuid(65534)
try:
    Store.open(None, folder)
except StoreError as error:
    print(error)
"""


def test_a_folder_that_cannot_be_written_is_one_sentence(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    with Store.open(None, folder) as store:
        begin(store)
    for path in (folder, *folder.rglob("*")):
        path.chmod(0o555 if path.is_dir() else 0o444)
    # Somebody else has to be able to reach the folder.
    modes = {parent: parent.stat().st_mode for parent in tmp_path.parents if not parent.stat().st_mode & 0o005}
    modes[tmp_path] = tmp_path.stat().st_mode
    command = [sys.executable, "-c", READ_ONLY, str(folder), str(tmp_path / "elsewhere")]
    try:
        for parent, mode in modes.items():
            parent.chmod(mode | 0o055)
        run = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)
    finally:
        for parent, mode in modes.items():
            parent.chmod(mode)
        for path in (folder, folder / "journal"):
            path.chmod(0o755)
    assert run.returncode == 0, run.stderr
    assert "cannot be opened" in run.stdout
    assert "check that the folder can be written" in run.stdout


def test_a_fault_of_one_operation_is_its_own(place: Place) -> None:
    store = place.open()
    token = begin(store)
    started = threading.Barrier(10)

    def broken(_: object) -> None:
        raise ZeroDivisionError

    def one(number: int) -> str:
        started.wait()
        try:
            if number == 3:
                store._writer.do(broken)
            else:
                rate(store, token, number)
        except ZeroDivisionError:
            return "broken"
        return "saved"

    with ThreadPoolExecutor(10) as pool:
        assert list(pool.map(one, range(10))).count("saved") == 9
    assert len(store.ratings("study")) == 9
    assert issubclass(StoreError, LassError)
