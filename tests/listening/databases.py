"""Databases for tests of the store: a SQLite file, and a real PostgreSQL server that lives as long as the tests."""

import os
import pwd
import secrets
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pg8000.dbapi
import pytest

from lass.listening.ratings.records import RatingRecord
from lass.listening.ratings.store import Store

KINDS = ("sqlite", "postgresql")
DEBIAN = Path("/usr/lib/postgresql")
PATIENCE = 60.0  # seconds until the server has to answer, on a busy machine


@dataclass(frozen=True)
class Server:
    """A PostgreSQL server on a port of this machine, open to everyone on it."""

    port: int
    user: str
    unused: list[str] = field(default_factory=list)
    """Names of databases that no test uses now: making one costs more than emptying one."""

    def url(self, name: str) -> str:
        return f"postgresql+pg8000://{self.user}@127.0.0.1:{self.port}/{name}"

    def execute(self, statement: str, name: str = "postgres") -> None:
        connection = pg8000.dbapi.connect(self.user, host="127.0.0.1", port=self.port, database=name, timeout=30)
        with closing(connection):
            connection.autocommit = True
            connection.cursor().execute(statement)

    def empty(self, name: str) -> None:
        """Throws everything out of a database, and everyone who uses it."""
        self.execute(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'")
        self.execute("DROP SCHEMA public CASCADE", name)
        self.execute("CREATE SCHEMA public", name)


@dataclass
class Place:
    """Where a test's store lives: a database and the folder of its journals."""

    kind: str
    folder: Path
    url: str | None = None
    server: Server | None = None
    stores: list[Store] = field(default_factory=list)

    def open(self, **options: Any) -> Store:
        """Opens the store; it is closed after the test."""
        self.stores.append(Store.open(self.url, self.folder, **options))
        return self.stores[-1]

    def lose_database(self) -> None:
        """The database is empty afterwards; the journals stay."""
        if self.server is None:
            for path in self.folder.glob("ratings.sqlite*"):
                path.unlink()
        else:
            self.server.empty(str(self.url).rpartition("/")[2])

    def lines(self) -> list[str]:
        """All lines of the journals."""
        paths = sorted((self.folder / "journal").glob("*.jsonl"))
        return [line for path in paths for line in path.read_text(encoding="utf-8").splitlines()]


def programs() -> Path | None:
    """The folder of PostgreSQL's programs, the newest version's."""
    if found := shutil.which("initdb"):
        return Path(found).parent
    folders = [path.parent for path in DEBIAN.glob("*/bin/initdb")]
    return max(folders, key=lambda folder: float(folder.parent.name), default=None)


@contextmanager
def running() -> Iterator[Server]:
    """A server on a free port; skips the test where PostgreSQL is not installed, except on a CI machine."""
    bin_folder = programs()
    if bin_folder is None:
        reason = "PostgreSQL is not installed (Debian: apt-get install postgresql)"
        if os.environ.get("CI"):
            pytest.fail(reason)
        pytest.skip(reason)
    # Not pytest's folder, which belongs to root alone where root runs the tests; and the server refuses to be root.
    folder = Path(tempfile.mkdtemp(prefix="lass-postgresql-"))
    identity: dict[str, Any] = {}
    if os.geteuid() == 0:
        account = next(entry for entry in pwd.getpwall() if entry.pw_name in ("postgres", "nobody"))
        identity = {"user": account.pw_uid, "group": account.pw_gid, "extra_groups": []}
        os.chown(folder, account.pw_uid, account.pw_gid)
    data = folder / "data"
    try:
        initdb = [bin_folder / "initdb", "-D", data, "-U", "lass", "-A", "trust", "-E", "UTF8", "--no-locale", "-N"]
        subprocess.run(initdb, check=True, capture_output=True, timeout=PATIENCE, cwd=folder, **identity)
        with socket.create_server(("127.0.0.1", 0)) as probe:
            port = int(probe.getsockname()[1])
        settings = ("listen_addresses=127.0.0.1", "unix_socket_directories=", "fsync=off", "full_page_writes=off")
        command = [bin_folder / "postgres", "-D", data, "-p", str(port)]
        with (folder / "log").open("wb") as log:
            process = subprocess.Popen(
                [*command, *(word for setting in settings for word in ("-c", setting))],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=folder, **identity,
            )  # fmt: skip
        try:
            server = Server(port, "lass")
            _wait(server, process, folder / "log")
            yield server
        finally:
            process.send_signal(signal.SIGQUIT)
            process.wait(timeout=PATIENCE)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _wait(server: Server, process: "subprocess.Popen[bytes]", log: Path) -> None:
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end and process.poll() is None:
        with suppress(Exception):
            server.execute("SELECT 1")
            return
        time.sleep(0.05)
    pytest.fail(f"PostgreSQL did not start: {log.read_text(errors='replace')[-2000:]}")


@contextmanager
def place_in(kind: str, folder: Path, server: Server | None) -> Iterator[Place]:
    """An empty database of a kind; its stores are closed in the end."""
    place, name = Place(kind, folder), ""
    if server is not None:
        if server.unused:
            name = server.unused.pop()
        else:
            name = f"test_{secrets.token_hex(6)}"
            server.execute(f'CREATE DATABASE "{name}"')
        place = Place(kind, folder, server.url(name), server)
    try:
        yield place
    finally:
        for store in place.stores:
            store.close()
        if server is not None:
            server.empty(name)
            server.unused.append(name)


def rate(
    store: Store, token: str, trial: int = 0, score: int = 3, question: str = "rating", **more: Any
) -> RatingRecord:
    """A rating of one question, of which only what matters is said."""
    values: dict[str, Any] = {
        "stimulus": f"stimulus{trial}", "stimulus_sha256": "ab" * 32, "key": f"key{trial}",
        "plays": 1, "seconds_heard": 4.5, "seconds_to_rate": 6.25, **more,
    }  # fmt: skip
    return store.rate(token, trial, scores={question: score}, **values)[question]


def begin(store: Store, study: str = "study", **more: Any) -> str:
    """Begins a session and gives its token."""
    return store.begin(study, "cd" * 32, 7, "en", "desktop", False, **more).token
