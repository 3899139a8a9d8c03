"""The models of a running application: listed, loaded once, and shared by everybody."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from lass.errors import LassError, ModelError
from lass.ui.texts import Texts

if TYPE_CHECKING:
    from lass.checkpoints import ModelEntry
    from lass.ensemble import Ensemble
    from lass.separation import Separator
    from lass.ui.downloads import Downloads

log = logging.getLogger(__name__)

HERE = ("bundled", "downloaded")


class Shelf:
    """Separators by name. A loaded separator is never changed, so visitors may share it."""

    def __init__(
        self,
        entries: Callable[[], Sequence[ModelEntry]],
        load: Callable[[str], Separator | Ensemble],
        texts: Texts,
        downloads: Downloads | None = None,
    ) -> None:
        self._entries = entries
        self._load = load
        self._texts = texts
        self._loaded: dict[str, Separator | Ensemble] = {}
        self._lock = threading.Lock()
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

    def how_to_get(self, entry: ModelEntry) -> str:
        """How a model that is not here comes here, as the end of a sentence."""
        if self.may_download:
            return self._texts.model_get
        return self._texts.model_place.format(command=f"python -m lass download {entry.name}")

    @property
    def may_download(self) -> bool:
        """Whether a visitor may begin a download."""
        return self.downloads is not None and self.downloads.allowed

    def separator(self, name: str) -> Separator | Ensemble:
        """The separator of a name, loaded on first need.

        Raises :class:`ModelError` when the name is unknown or its files are not on this machine.
        """
        entry = self.entry(name)
        if not is_here(entry):
            if self.downloads is not None and self.downloads.allowed and self.downloads.offline:
                raise ModelError(self.downloads.by_hand(name)[0])
            raise ModelError(self._texts.model_not_here.format(title=entry.title, how=self.how_to_get(entry)))
        with self._lock:
            if name not in self._loaded:
                self._loaded[name] = self._load(name)
            return self._loaded[name]

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

    return Shelf(entries, load, texts, downloads)
