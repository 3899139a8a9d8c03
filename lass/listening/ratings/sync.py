"""A copy of the journals in a private dataset on Hugging Face, for machines whose disk does not last.

A thread pushes what is new every few minutes and once more at the end. Ratings never wait for it: it reads the files
as they are, whole lines only. A push that fails is told in `Store.status()` and tried again. Each boot writes a file
of its own name, so that no start overwrites what an earlier one pushed; `restore` brings the files back before the
store opens, and the store replays them.
"""

import hashlib
import json
import re
import threading
import time
from collections.abc import Collection, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, Self

from lass.listening.ratings.journal import ENDING
from lass.listening.ratings.records import StoreError

EVERY = 300.0  # seconds
STATE_NAME = ".pushed.json"
REMOTE_FOLDER = "journal"
_NAME = re.compile(r"[0-9]{8}T[0-9]{6}Z-[0-9a-f]{8}\.jsonl")
# How long closing waits for the last push.
_LAST = 60.0


class Uploader(Protocol):
    """Where the journals are pushed to."""

    @property
    def name(self) -> str:
        """What the organiser knows the place by."""

    def push(self, files: Mapping[str, bytes], *, forget: bool) -> None:
        """Puts files there, whole; with `forget`, older versions of all files must not stay behind."""

    def fetch(self, present: Collection[str]) -> Mapping[str, bytes]:
        """The files there, less those that are present already."""


@dataclass(frozen=True)
class _Pushed:
    """What is known to be there of a file: so many bytes, with this SHA-256."""

    length: int
    sha256: str


class Sync:
    """Pushes a folder of journals again and again; see `start`.

    Args:
        folder: `Store.journal_folder`.
        uploader: used by one thread at a time.
        every: seconds between pushes.
    """

    def __init__(self, folder: Path, uploader: Uploader, every: float = EVERY) -> None:
        self._folder = folder
        self._uploader = uploader
        self._every = every
        self._pushed = self._load()
        self._squash = False  # older versions are to be forgotten with the next push
        self._one_at_a_time = threading.Lock()
        self._end = threading.Event()
        self._last: float | None = None
        self._problem: str | None = None
        self._thread: threading.Thread | None = None

    def start(self) -> Self:
        """Begins to push in the background, now and then every few seconds."""
        self._thread = threading.Thread(target=self._work, name="journal-sync", daemon=True)
        self._thread.start()
        return self

    def push(self) -> bool:
        """Pushes what is new; False if that failed, for the reason in `report`."""
        with self._one_at_a_time:
            try:
                self._push()
            except Exception as error:  # noqa: BLE001 - whatever a network can do must not end the thread
                reason = str(error) if isinstance(error, StoreError) else type(error).__name__
                self._problem = f"The journals could not be pushed to {self._uploader.name} ({reason}); trying again."
                return False
            self._problem = None
            self._last = time.time()
            return True

    def report(self) -> dict[str, Any]:
        """What `Store.status` shows: `where`, `last` (Unix time of the last push that succeeded), `problem`."""
        return {"where": self._uploader.name, "last": self._last, "problem": self._problem}

    def close(self) -> None:
        """Pushes once more and ends; waits a minute at most."""
        self._end.set()
        if self._thread is None:
            self.push()
        else:
            self._thread.join(_LAST)

    def _work(self) -> None:
        self.push()
        while not self._end.wait(self._every):
            self.push()
        self.push()

    def _push(self) -> None:
        changed: dict[str, bytes] = {}
        for path in sorted(self._folder.glob(f"*{ENDING}")):
            content = path.read_bytes()
            content = content[: content.rfind(b"\n") + 1]  # a line that is being written now goes with the next push
            before = self._pushed.get(path.name)
            if before is not None and _sha256(content[: before.length]) != before.sha256:
                self._squash = True  # somebody's lines were taken out of it
            if content and before != _Pushed(len(content), _sha256(content)):
                changed[path.name] = content
        if changed or self._squash:
            self._uploader.push(changed, forget=self._squash)
            self._squash = False
            self._pushed |= {name: _Pushed(len(content), _sha256(content)) for name, content in changed.items()}
            self._save()

    def _load(self) -> dict[str, _Pushed]:
        """What earlier boots pushed; nothing if that is not known, and then all is pushed again."""
        with suppress(OSError, ValueError, TypeError):
            state = json.loads((self._folder / STATE_NAME).read_text("utf-8"))
            if state["where"] == self._uploader.name:
                return {name: _Pushed(int(length), str(sha256)) for name, (length, sha256) in state["files"].items()}
        return {}

    def _save(self) -> None:
        state = {
            "where": self._uploader.name,
            "files": {name: [pushed.length, pushed.sha256] for name, pushed in self._pushed.items()},
        }
        with suppress(OSError):  # then all is pushed again after the next start
            partial = self._folder / f"{STATE_NAME}.new"
            partial.write_text(json.dumps(state), "utf-8")
            partial.replace(self._folder / STATE_NAME)


def restore(folder: Path, uploader: Uploader) -> int:
    """Brings journals back that are not in `folder`; returns how many. To be called before the store opens.

    Raises:
        StoreError: they cannot be had.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        found = uploader.fetch({path.name for path in folder.glob(f"*{ENDING}")})
        count = 0
        for name, content in found.items():
            if _NAME.fullmatch(name) and not (folder / name).exists():
                partial = folder / f"{name}.new"
                partial.write_bytes(content)
                partial.replace(folder / name)
                count += 1
    except StoreError:
        raise
    except Exception as error:  # a network has many ways to fail, and each is a reason not to begin an empty store
        raise StoreError(
            f"The journals could not be fetched from {uploader.name} ({type(error).__name__}); start again when it "
            "can be reached, or start without it."
        ) from error
    return count


class HubUploader:
    """A dataset on Hugging Face, made private if it is not there, refused if it is public.

    Args:
        dataset: OWNER/NAME.
        token: an access token that may write; None is the one that `hf auth login` keeps.
        api: stands in for `huggingface_hub.HfApi` in tests.

    Raises:
        StoreError: the application runs offline.
    """

    def __init__(self, dataset: str, token: str | None = None, api: Any = None) -> None:
        from huggingface_hub import HfApi, constants

        if api is None and constants.is_offline_mode():
            raise StoreError(
                f"The journals cannot be synced to {dataset}, because this application runs offline "
                "(HF_HUB_OFFLINE is set); leave the dataset out, or allow the network."
            )
        self._dataset = dataset
        self._api = api if api is not None else HfApi(token=token)
        self._checked = False

    @property
    def name(self) -> str:
        """The dataset's name."""
        return self._dataset

    def push(self, files: Mapping[str, bytes], *, forget: bool) -> None:
        """Commits files; to forget, the dataset's history is squashed into one commit.

        Raises:
            StoreError: the dataset is public.
        """
        from huggingface_hub import CommitOperationAdd

        self._check(create=True)
        if files:
            self._api.create_commit(
                self._dataset,
                repo_type="dataset",
                operations=[CommitOperationAdd(f"{REMOTE_FOLDER}/{name}", content) for name, content in files.items()],
                commit_message=f"{len(files)} journal(s)",
            )
        if forget:
            self._api.super_squash_history(self._dataset, repo_type="dataset")

    def fetch(self, present: Collection[str]) -> Mapping[str, bytes]:
        """Downloads the journals of the dataset that are not present; none if there is no dataset yet.

        Raises:
            StoreError: the dataset is public.
        """
        if not self._api.repo_exists(self._dataset, repo_type="dataset"):
            return {}
        self._check(create=False)
        found = {}
        for remote in self._api.list_repo_files(self._dataset, repo_type="dataset"):
            folder, _, name = remote.rpartition("/")
            if folder == REMOTE_FOLDER and _NAME.fullmatch(name) and name not in present:
                path = self._api.hf_hub_download(self._dataset, remote, repo_type="dataset")
                found[name] = Path(path).read_bytes()
        return found

    def _check(self, *, create: bool) -> None:
        """Answers of people go to nobody else: the dataset is private, whoever made it."""
        if create and not self._checked:
            self._api.create_repo(self._dataset, repo_type="dataset", private=True, exist_ok=True)
        if not self._api.repo_info(self._dataset, repo_type="dataset").private:
            raise StoreError(f"the dataset {self._dataset} is public; make it private in its settings")
        self._checked = True


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
