"""The listening test as a part of the application: its store opened, its studies found, its routes put together."""

from __future__ import annotations

import contextlib
import logging
import threading
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from lass.errors import LassError
from lass.ui.serving.beside import Beside

if TYPE_CHECKING:
    from pathlib import Path

    from starlette.routing import BaseRoute

    from lass.listening.ratings.store import Store
    from lass.listening.ratings.sync import HubUploader, Sync
    from lass.settings import Settings

PREFIXES = ("/listen", "/results")
DRAFT = "my-study"
"""The draft that results are added to; to begin another one, its folder is renamed."""

log = logging.getLogger(__name__)


class ListeningTest:
    """Everything the application does for listening tests; nothing is opened before it is needed.

    Args:
        settings: where ratings and studies are kept, and what opens the results.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._lock = threading.Lock()
        self._store: Store | None = None
        self._prepared = False
        self._sync: Sync | None = None
        self.pages = Beside(PREFIXES, self._routes)

    def store(self) -> Store:
        """The ratings, opened on first use.

        Raises:
            LassError: the database or its folder cannot be used.
        """
        from lass.listening.ratings.store import JOURNAL_FOLDER, Store
        from lass.listening.ratings.sync import Sync, restore

        with self._lock:
            if self._store is None:
                uploader = self._uploader()
                if uploader is not None:
                    restore(self._settings.data_dir / JOURNAL_FOLDER, uploader)
                self._store = Store.open(self._settings.database_url, self._settings.data_dir)
                if uploader is not None:
                    self._sync = Sync(self._store.journal_folder, uploader).start()
                    self._store.report_also("sync", self._sync.report)
            return self._store

    def prefer(self, kind: str, values: Mapping[str, Any]) -> None:
        """Keep a preference that a visitor voted for.

        Raises:
            LassError: it could not be saved.
        """
        self.store().preference(kind, values)

    def collect(self, mixture: Sequence[Path], target: Path, query: str, model: str) -> Path:
        """Add a result to the draft of a study; returns the study's file.

        Args:
            mixture: recordings that add up to what was separated.
            target: what came out.
            query: what was asked for.
            model: the model's name.

        Raises:
            LassError: the result cannot be rated, or the draft cannot be written.
        """
        from lass import audio
        from lass.listening.design.draft import add_to_draft

        found = audio.read(target)
        whole = np.sum([audio.read(part).waveform for part in mixture], axis=0)
        return add_to_draft(self.drafts / DRAFT, whole, found.waveform, query, model, found.sample_rate).file

    @property
    def drafts(self) -> Path:
        """Where drafts of studies are kept."""
        return self._settings.data_dir / "drafts"

    def prepare(self) -> None:
        """Build the studies that ship, where nobody chose other ones, and open the store: work for a thread.

        Whatever fails is logged; the rest of the application does not depend on it.
        """
        from lass.listening.stimuli.bundled import ensure_bundled

        self.pages.warm()
        self._prepared = True
        if self._settings.studies_dir is None:
            built = ensure_bundled(self._settings.studies_folder, cache_dir=self._settings.checkpoints_dir)
            for study, outcome in built.items():
                if isinstance(outcome, LassError):
                    log.warning("The study %s is not available: %s", study, outcome)

    def healthy(self) -> bool | None:
        """Whether ratings can be saved now; None while the store has not been opened yet. May wait for a database."""
        with self._lock:
            store = self._store
        if store is not None:
            return store.healthy()
        return False if self._prepared else None

    def close(self) -> None:
        """Finish what is being written; the store cannot be used after that."""
        with self._lock:
            if self._store is not None:
                self._store.close()
                self._store = None
            # After the store, so that the last push has everything.
            if self._sync is not None:
                self._sync.close()
                self._sync = None

    def _uploader(self) -> HubUploader | None:
        """The private dataset that the studies want their journals in; one for all, as they share the journals."""
        from lass.listening.design.study import FILE, load_study
        from lass.listening.ratings.sync import HubUploader

        wanted: list[str] = []
        for file in sorted(self._settings.studies_folder.glob(f"*/{FILE}")):
            with contextlib.suppress(LassError):  # the page says what is wrong with it
                study = load_study(file)
                wanted += [study.sync_dataset] if study.sync_dataset else []
        if not wanted:
            return None
        if len(set(wanted)) > 1:
            log.warning("The studies name several datasets; all journals go to the first, %s.", wanted[0])
        return HubUploader(wanted[0], self._settings.hub_token)

    def _routes(self) -> list[BaseRoute]:
        from lass.listening.studies import Studies
        from lass.listening.web.organiser import organiser_routes
        from lass.listening.web.routes import participant_routes

        studies = Studies(self._settings.studies_folder, self.store())
        organiser = organiser_routes(
            studies, self._settings.admin_password, public_url=self._settings.public_url
        )
        return [*participant_routes(studies), *organiser]
