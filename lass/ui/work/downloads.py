"""Downloads of models: begun from the page, they go on in threads of their own, whoever watches or leaves."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from lass.errors import ModelError

if TYPE_CHECKING:
    from lass.checkpoints import Store
    from lass.checkpoints.fetching import Part


class Download:
    """One download of everything that a model needs. Any number of visitors may watch it, and any may stop it."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.done = 0
        self.total: int | None = None
        self.error: Exception | None = None
        self._over = threading.Event()
        self._called_off = threading.Event()

    @property
    def over(self) -> bool:
        """Whether it has ended, well or with :attr:`error`."""
        return self._over.is_set()

    @property
    def called_off(self) -> bool:
        """Whether somebody wants it to stop."""
        return self._called_off.is_set()

    @property
    def checking(self) -> bool:
        """Whether all is here, and its checksum is being computed."""
        return self.total is not None and self.done >= self.total > 0

    def call_off(self) -> None:
        """Stop it at the next block; what has come is kept. Does nothing when it is over."""
        self._called_off.set()

    def wait(self, seconds: float) -> bool:
        """Wait until it is over, at most so long; returns whether it is."""
        return self._over.wait(seconds)

    def run(self, store: Store, parts: Sequence[Part]) -> None:
        """Download, in the calling thread; what goes wrong is kept in :attr:`error`."""
        from lass.checkpoints.fetching import fetch

        def tell(done: int, total: int | None) -> None:
            self.done, self.total = done, total

        try:
            fetch(store, parts, tell, lambda: self.called_off)
        except Exception as error:  # noqa: BLE001 - it belongs to those who watch, who are elsewhere
            self.error = error
        finally:
            self._over.set()


@dataclass(frozen=True)
class Offer:
    """A download that a visitor may begin: what it still costs, and whether that is an estimate.

    ``begun`` says that a part of it is here already, ``packed`` that somebody placed an archive to be unpacked.
    """

    bytes_left: int | None
    approximate: bool
    begun: bool
    packed: bool


class Downloads:
    """All downloads of the application; of one model there is never more than one under way.

    Args:
        store: where the files go.
        parts: everything to fetch for a model of this name.
        allowed: whether visitors may begin one. Where anybody can visit, nobody may fill the disk.
    """

    def __init__(self, store: Store, parts: Callable[[str], Sequence[Part]], *, allowed: bool) -> None:
        self.store = store
        self.allowed = allowed
        self._parts = parts
        self._running: dict[str, Download] = {}
        self._lock = threading.Lock()

    @property
    def offline(self) -> bool:
        """Whether nothing is ever fetched."""
        return self.store.offline

    def missing(self, name: str) -> list[Part]:
        """What is not here of all that the model needs; no file is read."""
        return [part for part in self._parts(name) if not self._is_here(part)]

    def offer(self, name: str) -> Offer | None:
        """What visitors are offered for a model that is not complete; nothing where a download cannot help."""
        from lass.checkpoints import ModelEntry
        from lass.checkpoints.fetching import cost

        missing, packed = self.missing(name), self.is_packed(name)
        if not missing or not self.allowed or (self.offline and not packed):
            return None
        # The model's own size, as the catalogue states it: its companions are named beside the button.
        counted = [part for part in missing if isinstance(part, ModelEntry)] or missing
        left, whole = cost(self.store, counted), sum(part.size_bytes or 0 for part in counted)
        approximate = any(part.size_is_approximate for part in counted)
        return Offer(left, approximate, begun=left is not None and left < whole, packed=packed)

    def by_hand(self, name: str) -> list[str]:
        """For each missing part one sentence: where its file is published, and where it has to be placed."""
        return [self.store.explain(part) for part in self.missing(name)]

    def is_packed(self, name: str) -> bool:
        """Whether somebody placed an archive that :meth:`start` would unpack, offline as well."""
        return any(self.store.is_packed(part) for part in self.missing(name))

    def running(self, name: str) -> Download | None:
        """The download of this model that is under way, whoever began it."""
        with self._lock:
            download = self._running.get(name)
            return None if download is None or download.over else download

    def start(self, name: str) -> Download:
        """Begin to download a model, or join the download that is under way.

        Raises :class:`ModelError` when there is no such model, or when visitors may not download.
        """
        if not self.allowed:
            raise ModelError(f"{name} is fetched by whoever runs the application: python -m lass download {name}.")
        parts = self._parts(name)
        with self._lock:
            download = self._running.get(name)
            if download is None or download.over:
                download = self._running[name] = Download(name)
                # A daemon: who stops the application does not wait for a gigabyte; the next download goes on from it.
                threading.Thread(
                    target=download.run, args=(self.store, parts), name=f"download {name}", daemon=True
                ).start()
            return download

    def _is_here(self, part: Part) -> bool:
        from lass.checkpoints.catalogue import ROBERTA_TOKENIZER
        from lass.queries.roberta_tokenizer import is_complete

        # Placed by hand, a tokenizer needs fewer files than its publisher has.
        placed = part.name == ROBERTA_TOKENIZER.name and is_complete(self.store.folder(part))
        return placed or self.store.is_here(part)
