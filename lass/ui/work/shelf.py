"""The models of a running application: listed, loaded once, and shared by everybody."""

from __future__ import annotations

import contextlib
import logging
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from lass.errors import LassError, ModelError
from lass.ui.machine import memory
from lass.ui.words.texts import Texts

if TYPE_CHECKING:
    from lass.checkpoints import ModelEntry
    from lass.ensemble import Ensemble
    from lass.separation import Separator
    from lass.ui.work.downloads import Downloads

log = logging.getLogger(__name__)

HERE = ("bundled", "downloaded")

IDLE_SECONDS = 15 * 60
"""A model that nobody used for so long may go when memory is short."""


@dataclass(eq=False)
class _Place:
    """Where a model stands. ``loading`` is held while it is put there or taken away, ``Shelf._lock`` for the rest."""

    size: int
    loading: threading.Lock = field(default_factory=threading.Lock)
    separator: Separator | Ensemble | None = None
    users: int = 0
    used: float = 0.0


class Shelf:
    """Separators by name. A loaded separator is never changed, so visitors may share it.

    Args:
        entries: what there is.
        load: loads a model of that name; two models may be loaded at once, one model never twice.
        texts: the words of the page.
        downloads: what visitors may fetch.
        most_bytes: the size of all checkpoints that stay loaded; beyond it those used longest ago go, but none that
            is in use. None keeps everything.
    """

    def __init__(
        self,
        entries: Callable[[], Sequence[ModelEntry]],
        load: Callable[[str], Separator | Ensemble],
        texts: Texts,
        downloads: Downloads | None = None,
        most_bytes: int | None = None,
    ) -> None:
        self._entries = entries
        self._load = load
        self._texts = texts
        self._places: dict[str, _Place] = {}
        self._lock = threading.Lock()
        self._most_bytes = most_bytes
        self.downloads = downloads

    def entries(self) -> list[ModelEntry]:
        """What there is, the models that can be used at once first."""
        return sorted(self._entries(), key=lambda entry: entry.state not in HERE)

    def entry(self, name: str) -> ModelEntry:
        """The entry of a name; raises :class:`ModelError` that lists the good names."""
        entries = self.entries()
        for entry in entries:
            if entry.name == name:
                return entry
        names = ", ".join(entry.name for entry in entries) or "–"
        raise ModelError(self._texts.unknown_model.format(name=name[:60], names=names))

    def default(self) -> str | None:
        """The name of the first model that can be used at once, if there is one."""
        return next((entry.name for entry in self.entries() if is_here(entry)), None)

    def usable(self) -> list[tuple[str, str]]:
        """Title and name of every model that can be used at once."""
        return [(entry.title, entry.name) for entry in self.entries() if is_here(entry)]

    def how_to_get(self, entry: ModelEntry, texts: Texts | None = None) -> str:
        """How a model that is not here comes here, as the end of a sentence."""
        words = texts or self._texts
        if self.may_download:
            return words.model_get
        return words.model_place.format(command=f"python -m lass download {entry.name}")

    @property
    def may_download(self) -> bool:
        """Whether a visitor may begin a download."""
        return self.downloads is not None and self.downloads.allowed

    def separator(self, name: str) -> Separator | Ensemble:
        """The separator of a name, loaded on first need; who works with it for long says so by :meth:`using`.

        Raises :class:`ModelError` when the name is unknown or its files are not on this machine.
        """
        with self.using(name) as separator:
            return separator

    @contextlib.contextmanager
    def using(self, name: str) -> Iterator[Separator | Ensemble]:
        """The separator of a name, which is not unloaded meanwhile; errors are those of :meth:`separator`."""
        entry = self.entry(name)
        if not is_here(entry):
            if self.downloads is not None and self.downloads.allowed and self.downloads.offline:
                raise ModelError(self.downloads.by_hand(name)[0])
            raise ModelError(self._texts.model_not_here.format(title=entry.title, how=self.how_to_get(entry)))
        with self._lock:
            place = self._places.setdefault(name, _Place(entry.size_bytes or 0))
        with place.loading:
            if place.separator is None:
                self._make_room(place.size)
                place.separator = self._load(name)
            separator = place.separator
            with self._lock:
                place.users += 1
                place.used = time.monotonic()
        try:
            yield separator
        finally:
            with self._lock:
                place.users -= 1
                place.used = time.monotonic()

    def loaded(self) -> dict[str, Separator | Ensemble]:
        """The models in memory, by name."""
        with self._lock:
            return {name: place.separator for name, place in self._places.items() if place.separator is not None}

    def unload(self, *, idle_seconds: float = 0.0, at_most: int | None = None) -> int:
        """Let go of models that nobody uses, those used longest ago first; returns how many went.

        Args:
            idle_seconds: only those that nobody has used for so long.
            at_most: stop when the checkpoints that are left are no larger than this, in bytes.
        """
        with self._lock:
            oldest = sorted(self._places.items(), key=lambda item: item[1].used)
        gone = 0
        for name, place in oldest:
            if at_most is not None and self._loaded_bytes() <= at_most:
                break
            if time.monotonic() - place.used < idle_seconds or not place.loading.acquire(blocking=False):
                continue
            try:
                with self._lock:
                    if place.separator is None or place.users:
                        continue
                    place.separator = None
                gone += 1
                log.info("The model %s was unloaded.", name)
            finally:
                place.loading.release()
        return gone

    def _make_room(self, size: int) -> None:
        if self._most_bytes is not None and self.unload(at_most=max(0, self._most_bytes - size)):
            memory.free()

    def _loaded_bytes(self) -> int:
        with self._lock:
            return sum(place.size for place in self._places.values() if place.separator is not None)

    def preload(self) -> None:
        """Load the default model; a failure is logged, and met again by whoever asks for the model."""
        name = self.default()
        if name is None:
            return
        try:
            self.separator(name)
        except LassError as error:
            log.warning("The model %s could not be loaded ahead of time: %s", name, error)
        except Exception:
            log.exception("The model %s could not be loaded ahead of time.", name)


def is_here(entry: ModelEntry) -> bool:
    """Whether a model can be used without a download."""
    return entry.state in HERE


def catalogue(texts: Texts, *, device: str, cache_dir: Path, downloads: Downloads | None = None) -> Shelf:
    """The shelf of the installed package: its catalogue, loaded on ``device`` (a setting, ``auto`` included)."""

    def entries() -> Sequence[ModelEntry]:
        from lass.checkpoints import list_models

        return list_models(cache_dir)

    def load(name: str) -> Separator | Ensemble:
        import lass
        from lass.devices import choose

        return lass.load_separator(name, device=choose(device), cache_dir=cache_dir)

    machine = memory.total()
    return Shelf(entries, load, texts, downloads, most_bytes=None if machine is None else machine // 2)
