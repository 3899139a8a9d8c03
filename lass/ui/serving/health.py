"""``/health`` and ``/metrics``: how the application does, for those who keep it running. Nothing about visitors.

Both are answered beside Gradio's pages and its queue, so that they answer while everything is busy.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from lass.ui.machine import metrics
from lass.ui.serving.beside import Beside

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response
    from starlette.routing import BaseRoute

    from lass.ui.work.workbench import Workbench

HEALTH, METRICS = "/health", "/metrics"
PATIENCE = 3.0
"""Seconds in which the store of ratings has to answer."""


class Health:
    """What is asked for and how it is answered.

    Args:
        bench: what separates.
        version: the application's.
        store: whether ratings can be saved now, None while nobody knows; may block.
    """

    def __init__(self, bench: Workbench, version: str, store: Callable[[], bool | None] = lambda: None) -> None:
        self.waiting: Callable[[], int] = lambda: 0
        """How many events wait in the queue; set when there is one."""
        self.pages = Beside((HEALTH, METRICS), self._routes)
        self._bench = bench
        self._version = version
        self._store = store
        self._store_was: bool | None = None
        self._asking = threading.Lock()
        self._had_models = False
        self._gauges()

    def facts(self, store: bool | None = None) -> dict[str, Any]:
        """What ``/health`` says, given whether the store is well.

        ``ready`` is whether separations can be done, and ratings saved if there is a listening test.
        """
        loaded = self._bench.shelf.loaded()
        self._had_models = self._had_models or bool(loaded)
        devices = sorted({str(device) for one in loaded.values() if (device := getattr(one, "device", None))})
        return {
            "ready": self._had_models and store is not False and not (self._bench.closing or self._bench.device_lost),
            "stopping": self._bench.closing,
            "version": self._version,
            "device": "lost" if self._bench.device_lost else devices[0] if devices else None,
            "models_loaded": sorted(loaded),
            "queue": {"waiting": self.waiting(), "running": self._bench.running},
            "store": store,
        }

    def _waiting(self) -> int:
        return self.waiting()

    def _gauges(self) -> None:
        bench, counts = self._bench, self._bench.metrics
        counts.gauge("lass_queue_length", "Events that wait, separations among them.", self._waiting)
        counts.gauge("lass_separations_running", "Separations under way.", lambda: bench.running)
        counts.gauge("lass_models_loaded", "Models in memory.", lambda: len(bench.shelf.loaded()))
        counts.gauge("lass_visitor_files_bytes", "Uploads and results on the disk, in bytes.", bench.space.used)

    def _routes(self) -> list[BaseRoute]:
        from starlette.routing import Route

        return [Route(HEALTH, self._health), Route(METRICS, self._metrics)]

    async def _health(self, request: Request) -> Response:
        from starlette.responses import JSONResponse

        try:
            store = await asyncio.wait_for(asyncio.to_thread(self._ask_store), PATIENCE)
        except TimeoutError:
            store = False
        facts = self.facts(store)
        return JSONResponse(facts, 200 if facts["ready"] else 503, {"Cache-Control": "no-store"})

    async def _metrics(self, request: Request) -> Response:
        from starlette.responses import Response as Plain

        text = await asyncio.to_thread(self._bench.metrics.text)
        return Plain(text, headers={"Cache-Control": "no-store", "Content-Type": metrics.CONTENT_TYPE})

    def _ask_store(self) -> bool | None:
        """Whether the store is well; one thread asks at a time, and the others get what it heard last."""
        if not self._asking.acquire(blocking=False):
            return self._store_was
        try:
            self._store_was = self._store()
        except Exception:  # noqa: BLE001 - whatever it is, the store is not well
            self._store_was = False
        finally:
            self._asking.release()
        return self._store_was
