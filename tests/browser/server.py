"""The real application as a process of its own, the way a person starts it, with the network refused."""

import contextlib
import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
PATIENCE = 180.0  # seconds until the page has to answer; a busy machine with two cores needs tens of them


@dataclass(frozen=True)
class Server:
    """A running application: where it answers, keeps its data, writes its log and where it tried to go."""

    url: str
    data: Path
    log: Path
    journal: Path
    process: subprocess.Popen[bytes]

    def attempts(self) -> list[str]:
        """What the application tried to reach beyond this machine, oldest first."""
        return self.journal.read_text(encoding="utf-8").splitlines() if self.journal.exists() else []


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return int(probe.getsockname()[1])


@contextlib.contextmanager
def serving(folder: Path, **settings: str) -> Iterator[Server]:
    """Starts `app.py` with its data under `folder` and the LASS_* `settings`, and stops it in the end."""
    port = free_port()
    data, log, journal = folder / "data", folder / "server.log", folder / "network.journal"
    data.mkdir(parents=True)
    environment = {
        **{name: value for name, value in os.environ.items() if not name.lower().endswith("_proxy")},
        "GRADIO_SERVER_NAME": "127.0.0.1",
        "GRADIO_SERVER_PORT": str(port),
        "GRADIO_TEMP_DIR": str(folder / "gradio"),
        "LASS_DATA_DIR": str(data),
        **settings,
    }
    command = [sys.executable, "tests/offline.py", str(journal), "app.py"]
    with running(command, log, cwd=ROOT, env=environment) as process:
        server = Server(f"http://127.0.0.1:{port}/", data, log, journal, process)
        _await_answer(server)
        yield server


@contextlib.contextmanager
def running(
    command: Sequence[str], log: Path, *, patience: float = 10.0, **settings: Any
) -> Iterator[subprocess.Popen[bytes]]:
    """A program that writes to `log`; in the end it is asked to stop, and `patience` seconds later made to.

    `settings` are those of `subprocess.Popen`.
    """
    with log.open("wb") as output:
        process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT, **settings
        )
    try:
        yield process
    finally:
        process.terminate()
        try:
            process.wait(timeout=patience)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _await_answer(server: Server) -> None:
    """Returns once the page answers; raises RuntimeError, with the end of the log, when it never will."""
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline and server.process.poll() is None:
        with contextlib.suppress(urllib.error.URLError, ConnectionError, TimeoutError):
            urllib.request.urlopen(server.url, timeout=10).close()
            return
        time.sleep(0.2)
    status = server.process.poll()
    what = "did not answer" if status is None else f"ended with status {status}"
    log = server.log.read_text(encoding="utf-8", errors="replace")[-4000:]
    raise RuntimeError(f"app.py {what} before the page was there. The end of its log:\n{log}")
