"""The copy of the journals elsewhere: what is pushed when, and that nobody waits for it."""

import subprocess
import sys
import threading
import time
from collections.abc import Collection, Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from lass.listening.ratings import sync
from lass.listening.ratings.records import StoreError
from lass.listening.ratings.store import Store
from lass.listening.ratings.sync import HubUploader, Sync, restore
from tests.listening.databases import begin, rate

ROOT = Path(__file__).resolve().parents[3]
LONG = 3600.0  # seconds: no second push within a test


class Elsewhere:
    """A place for journals, in memory, that can fail and be slow."""

    name = "somebody/ratings"

    def __init__(self) -> None:
        self.files: dict[str, bytes] = {}
        self.pushes: list[tuple[list[str], bool]] = []
        self.fails = False
        self.open = threading.Event()
        self.open.set()
        self.reached = threading.Event()

    def push(self, files: Mapping[str, bytes], *, forget: bool) -> None:
        self.reached.set()
        self.open.wait(60)
        if self.fails:
            raise ConnectionError("secret token in the address")
        self.files |= files
        self.pushes.append((sorted(files), forget))

    def fetch(self, present: Collection[str]) -> Mapping[str, bytes]:
        if self.fails:
            raise ConnectionError
        return {name: content for name, content in self.files.items() if name not in present}


def test_what_is_new_is_pushed_and_comes_back(tmp_path: Path) -> None:
    place = Elsewhere()
    with Store.open(None, tmp_path / "first") as store:
        sender = Sync(store.journal_folder, place)
        assert sender.push()
        assert place.pushes == []  # nothing was written yet
        record = rate(store, begin(store))
        assert sender.push()
        assert sender.push()
        assert len(place.pushes) == 1
        second = rate(store, record.session, 1)
        sender.close()
    assert len(place.pushes) == 2
    assert len(place.files) == 1
    # A machine that has nothing.
    folder = tmp_path / "second"
    assert restore(folder / "journal", place) == 1
    assert restore(folder / "journal", place) == 0
    with Store.open(None, folder) as store:
        assert store.ratings("study") == [record, second]
        rate(store, record.session, 2)
        Sync(store.journal_folder, place).close()
    assert len(place.files) == 2  # under its own name: nothing of the first machine is overwritten


def test_a_start_pushes_only_what_the_last_one_did_not(tmp_path: Path) -> None:
    place = Elsewhere()
    for _ in range(2):
        with Store.open(None, tmp_path) as store:
            begin(store)
            Sync(store.journal_folder, place).close()
    assert [len(names) for names, _ in place.pushes] == [1, 1]
    other = Elsewhere()
    other.name = "somebody/else"
    Sync(tmp_path / "journal", other).close()
    assert [len(names) for names, _ in other.pushes] == [2]


def test_a_line_that_is_being_written_waits(tmp_path: Path) -> None:
    place = Elsewhere()
    name = "20260101T000000Z-0123abcd.jsonl"
    (tmp_path / name).write_bytes(b"one\ntw")
    sender = Sync(tmp_path, place)
    sender.push()
    assert place.files == {name: b"one\n"}
    (tmp_path / name).write_bytes(b"one\ntwo\n")
    sender.push()
    assert place.files == {name: b"one\ntwo\n"}


def test_the_deleted_are_forgotten_there_too(tmp_path: Path) -> None:
    place = Elsewhere()
    with Store.open(None, tmp_path) as store:
        stays, goes = begin(store), begin(store)
        sender = Sync(store.journal_folder, place)
        sender.push()
        store.delete(goes)
        place.fails = True
        assert not sender.push()
        place.fails = False
        assert sender.push()
        rate(store, stays)
        assert sender.push()
    assert [forget for _, forget in place.pushes] == [False, True, False]
    assert goes.encode() not in b"".join(place.files.values())
    # Deleted by the command line, while the application that syncs did not run.
    with Store.open(None, tmp_path) as store:
        store.delete(stays)
    Sync(tmp_path / "journal", place).close()
    assert place.pushes[-1][1]
    assert stays.encode() not in b"".join(place.files.values())


def test_failures_are_told_and_tried_again(tmp_path: Path) -> None:
    place = Elsewhere()
    place.fails = True
    with Store.open(None, tmp_path) as store:
        rate(store, begin(store))
        sender = Sync(store.journal_folder, place, every=0.01)
        store.report_also("sync", sender.report)
        assert not sender.push()
        status = store.status()
        assert status["sync"]["last"] is None
        (problem,) = status["problems"]
        assert problem == "The journals could not be pushed to somebody/ratings (ConnectionError); trying again."
        assert "secret" not in problem
        sender.start()
        place.fails = False
        end = time.monotonic() + 60
        while store.status()["problems"] and time.monotonic() < end:
            time.sleep(0.005)
        sender.close()
        assert store.status()["sync"]["last"] > 0
    assert place.files


def test_nobody_waits_for_a_push(tmp_path: Path) -> None:
    place = Elsewhere()
    with Store.open(None, tmp_path) as store:
        token = begin(store)
        place.open.clear()
        sender = Sync(store.journal_folder, place, every=LONG).start()
        assert place.reached.wait(60)
        for trial in range(5):
            rate(store, token, trial)  # while the push hangs
        assert len(store.ratings("study")) == 5
        assert store.delete(token)
        assert place.pushes == []
        place.open.set()
        sender.close()
    assert len(place.pushes) == 2  # the one that hung, and the last one


def test_only_journals_come_back(tmp_path: Path) -> None:
    place = Elsewhere()
    place.files = {"../evil.jsonl": b"x", "notes.txt": b"x", "20260101T000000Z-0123abcd.jsonl": b"x\n"}
    assert restore(tmp_path / "journal", place) == 1
    assert sorted(path.name for path in tmp_path.rglob("*")) == ["20260101T000000Z-0123abcd.jsonl", "journal"]
    place.fails = True
    with pytest.raises(StoreError, match="could not be fetched"):
        restore(tmp_path / "journal", place)


class Hub:
    """What `HubUploader` asks of the hub, noted."""

    def __init__(self, folder: Path, *, private: bool = True, exists: bool = True) -> None:
        self.folder, self.private, self.exists = folder, private, exists
        self.calls: list[str] = []
        self.files: dict[str, bytes] = {}

    def create_repo(self, name: str, *, repo_type: str, private: bool, exist_ok: bool) -> None:
        assert (name, repo_type, private, exist_ok) == ("me/ratings", "dataset", True, True)
        self.calls.append("create")
        self.exists = True

    def repo_exists(self, name: str, *, repo_type: str) -> bool:
        return self.exists

    def repo_info(self, name: str, *, repo_type: str) -> SimpleNamespace:
        return SimpleNamespace(private=self.private)

    def create_commit(self, name: str, *, repo_type: str, operations: list[Any], commit_message: str) -> None:
        assert repo_type == "dataset"
        self.calls.append("commit")
        self.files |= {operation.path_in_repo: operation.path_or_fileobj for operation in operations}

    def super_squash_history(self, name: str, *, repo_type: str) -> None:
        self.calls.append("squash")

    def list_repo_files(self, name: str, *, repo_type: str) -> list[str]:
        return [*self.files, "README.md", "journal/../../evil.jsonl"]

    def hf_hub_download(self, name: str, remote: str, *, repo_type: str) -> str:
        path = self.folder / "download"
        path.write_bytes(self.files[remote])
        return str(path)


def test_the_hub_gets_commits_and_forgets(tmp_path: Path) -> None:
    hub = Hub(tmp_path, exists=False)
    uploader = HubUploader("me/ratings", api=hub)
    assert uploader.fetch(()) == {}
    name = "20260101T000000Z-0123abcd.jsonl"
    uploader.push({name: b"one\n"}, forget=False)
    uploader.push({name: b"two\n"}, forget=True)
    assert hub.calls == ["create", "commit", "commit", "squash"]
    assert hub.files == {f"{sync.REMOTE_FOLDER}/{name}": b"two\n"}
    assert uploader.fetch(()) == {name: b"two\n"}
    assert uploader.fetch({name}) == {}


def test_a_public_dataset_gets_nothing(tmp_path: Path) -> None:
    hub = Hub(tmp_path, private=False)
    uploader = HubUploader("me/ratings", api=hub)
    (tmp_path / "20260101T000000Z-0123abcd.jsonl").write_text("one\n")
    sender = Sync(tmp_path, uploader)
    assert not sender.push()
    assert "public" in str(sender.report()["problem"])
    assert hub.files == {}
    with pytest.raises(StoreError, match="public"):
        uploader.fetch(())


def test_offline_there_is_no_sync() -> None:
    program = "from lass.listening.ratings.sync import HubUploader; HubUploader('me/ratings')"
    run = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, timeout=120, check=False
    )
    assert run.returncode == 1
    assert "StoreError: The journals cannot be synced to me/ratings" in run.stderr
    assert "runs offline" in run.stderr
