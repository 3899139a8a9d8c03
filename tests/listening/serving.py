"""A real server on this machine for the participant's pages, in a thread of its own."""

import contextlib
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import uvicorn
from starlette.applications import Starlette

from lass.listening.ratings.store import Store
from lass.listening.studies import Studies
from lass.listening.web.routes import participant_routes
from tests.browser.server import free_port

PATIENCE = 30.0  # seconds


@dataclass(frozen=True)
class Listening:
    """A running server: where it answers, and the studies and the store behind it."""

    url: str
    studies: Studies
    store: Store


@contextlib.contextmanager
def listening(
    folder: Path, store: Store, *, port: int | None = None, clock: Callable[[], float] = time.time
) -> Iterator[Listening]:
    """Serve the built studies in a folder on loopback; the store stays the caller's."""
    port = port or free_port()
    studies = Studies(folder, store, clock)
    app = Starlette(routes=participant_routes(studies))
    server = uvicorn.Server(uvicorn.Config(app, host="127.0.0.1", port=port, log_level="warning", lifespan="off"))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    deadline = time.monotonic() + PATIENCE
    while not server.started:
        if not thread.is_alive() or time.monotonic() > deadline:
            raise RuntimeError("the server did not start")
        time.sleep(0.01)
    try:
        yield Listening(f"http://127.0.0.1:{port}/listen/", studies, store)
    finally:
        server.should_exit = True
        thread.join(PATIENCE)
