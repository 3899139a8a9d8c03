"""The listening test as a part of the application: its store opened, its studies found, its routes put together."""

from __future__ import annotations

import logging
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lass.errors import LassError
from lass.ui.beside import Beside

if TYPE_CHECKING:
    from starlette.routing import BaseRoute

    from lass.listening.store import Store
    from lass.settings import Settings

BUNDLED = Path(__file__).resolve().parents[2] / "assets" / "studies"
PREFIXES = ("/listen", "/results")

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
        self.pages = Beside(PREFIXES, self._routes)

    def store(self) -> Store:
        """The ratings, opened on first use.

        Raises:
            LassError: the database or its folder cannot be used.
        """
        from lass.listening.store import Store

        with self._lock:
            if self._store is None:
                self._store = Store.open(self._settings.database_url, self._settings.data_dir)
            return self._store

    def prefer(self, kind: str, values: Mapping[str, Any]) -> None:
        """Keep a preference that a visitor voted for.

        Raises:
            LassError: it could not be saved.
        """
        self.store().preference(kind, values)

    def prepare(self) -> None:
        """Build the studies that ship, where nobody chose other ones, and open the store: work for a thread.

        Whatever fails is logged; the rest of the application does not depend on it.
        """
        self.pages.warm()
        if self._settings.studies_dir is None:
            for study in sorted(path.parent for path in BUNDLED.glob("*/study.yaml")):
                self._build(study)

    def close(self) -> None:
        """Finish what is being written; the store cannot be used after that."""
        with self._lock:
            if self._store is not None:
                self._store.close()
                self._store = None

    def _build(self, study: Path) -> None:
        from lass.listening.building import ensure_built

        folder = self._settings.studies_folder / study.name
        try:
            ensure_built(study, folder, cache_dir=self._settings.checkpoints_dir)
        except LassError as error:
            log.warning("The study %s is not available: %s", study.name, error)

    def _routes(self) -> list[BaseRoute]:
        from lass.listening.studies import Studies
        from lass.listening.web.organiser import organiser_routes
        from lass.listening.web.routes import participant_routes

        studies = Studies(self._settings.studies_folder, self.store())
        return [*participant_routes(studies), *organiser_routes(studies, self._settings.admin_password)]
