"""The database under the store: SQLite or PostgreSQL, its transactions, its migrations, and its failures in words."""

import contextlib
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event, inspect, make_url, text
from sqlalchemy.engine import URL
from sqlalchemy.exc import ArgumentError, NoSuchModuleError, SQLAlchemyError
from sqlalchemy.pool import ConnectionPoolEntry

from lass.listening.ratings.records import StoreError
from lass.listening.ratings.schema import HEAD

SQLITE_NAME = "ratings.sqlite"
# How long one waits for another process's transaction, and for a silent server.
PATIENCE = 10.0  # seconds
# One writer at a time, over all processes: SQLite has it built in, PostgreSQL by this lock (any number, ours alone).
_WRITERS_LOCK = 0x6C617373
# SQLAlchemy's options on a connection, and ours among them: whether its transaction will write.
_WRITES = "lass_writes"


def connect(url: str | None, folder: Path) -> Engine:
    """An engine for a database URL, or for the SQLite file in `folder`; nothing is opened yet.

    Raises:
        StoreError: a URL that cannot be used.
    """
    address = _address(url, folder)
    if address.get_backend_name() == "sqlite":
        # Readers of one file are many and short; a hundred raters must not queue for five connections.
        engine = create_engine(address, pool_size=8, max_overflow=56, connect_args={"timeout": PATIENCE})
        event.listen(engine, "connect", _prepare_sqlite)
        event.listen(engine, "begin", _begin_sqlite)
        return engine
    # Before each use the server is asked whether it is still there: it may have been started again meanwhile.
    return create_engine(
        address, pool_size=8, max_overflow=8, pool_pre_ping=True, connect_args={"timeout": PATIENCE}
    )


def _address(url: str | None, folder: Path) -> URL:
    if url is None:
        return URL.create("sqlite", database=str(folder / SQLITE_NAME))
    try:
        address = make_url(url)
        if address.drivername in ("postgres", "postgresql"):
            address = address.set(drivername="postgresql+pg8000")
        usable = address.drivername in ("postgresql+pg8000", "sqlite", "sqlite+pysqlite")
        address.get_dialect()
    except (ArgumentError, NoSuchModuleError, ValueError):
        usable = False
    # The URL is not repeated: it may carry a password.
    if not usable:
        raise StoreError(
            "The database's address cannot be used; set it to postgresql+pg8000://USER:PASSWORD@HOST/DATABASE, "
            "or leave it out for a file in the data folder."
        )
    if address.get_backend_name() == "sqlite" and address.database in (None, "", ":memory:"):
        raise StoreError(
            "The database's address names a database in memory, which forgets every rating; give it a file."
        )
    return address


def sqlite_file(engine: Engine) -> Path | None:
    """The file of a SQLite database; None for a server's."""
    return Path(engine.url.database or "") if engine.dialect.name == "sqlite" else None


def identity(engine: Engine) -> tuple[int, int] | None:
    """Which file a SQLite database is, by device and number: another one when somebody put a copy in its place.

    None for a file that is not there, and for a server.
    """
    file = sqlite_file(engine)
    if file is None:
        return None
    try:
        status = file.stat()
    except OSError:
        return None
    return status.st_dev, status.st_ino


def _prepare_sqlite(connection: sqlite3.Connection, _: ConnectionPoolEntry) -> None:
    connection.isolation_level = None  # transactions begin where we say so, in _begin_sqlite
    for setting in (
        f"busy_timeout = {int(PATIENCE * 1000)}",
        "journal_mode = WAL",
        "synchronous = FULL",  # a committed transaction is on the disk, not on its way there
        "foreign_keys = ON",
        "secure_delete = ON",  # what a participant wants deleted is overwritten
    ):
        connection.execute(f"PRAGMA {setting}").close()


def _begin_sqlite(connection: Connection) -> None:
    # A transaction that reads first and writes later may find that it cannot write any more: writers say so at once.
    writes = connection.get_execution_options().get(_WRITES)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


@contextlib.contextmanager
def exclusive(engine: Engine) -> Iterator[Connection]:
    """A transaction beside which no other writes, in this process or another; committed at the end of the block."""
    with engine.connect() as plain:
        connection = plain.execution_options(**{_WRITES: True})
        with connection.begin():
            if engine.dialect.name != "sqlite":
                connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _WRITERS_LOCK})
            yield connection


def migrate(connection: Connection) -> None:
    """Brings the tables to the newest version, within the connection's transaction.

    Raises:
        StoreError: the database is of a version that this program does not know.
    """
    current = None
    if inspect(connection).has_table("alembic_version"):
        current = connection.execute(text("SELECT version_num FROM alembic_version")).scalar()
    if current == HEAD:
        return
    from alembic import command
    from alembic.config import Config
    from alembic.script import ScriptDirectory

    config = Config()
    # A percent sign would start a variable in the configuration's syntax.
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations").replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    config.attributes["connection"] = connection
    known = {step.revision for step in ScriptDirectory.from_config(config).walk_revisions()}
    if current is not None and current not in known:
        raise StoreError(
            f"The database of ratings has version {current!s:.40}, which is newer than this program ({HEAD}); "
            "start the newer program again, or use another data folder."
        )
    command.upgrade(config, "head")


def settle(engine: Engine) -> None:
    """Brings SQLite's write-ahead log into the database and empties it: what was deleted stands in old pages of it.

    While somebody else reads, it stays, and goes with a later call or when the last connection closes.
    """
    file = sqlite_file(engine)
    if file is not None:
        with contextlib.closing(sqlite3.connect(file, timeout=PATIENCE)) as connection:
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").close()


def backup(engine: Engine, path: Path) -> None:
    """Writes a whole copy of a SQLite database to a file while it is in use, through SQLite's own backup.

    Raises:
        StoreError: the file cannot be written, or the database is a server's.
    """
    source = sqlite_file(engine)
    if source is None:
        raise StoreError("The ratings are in PostgreSQL; back them up with pg_dump, which copies a running server.")
    partial = path.with_name(f"{path.name}.partial")
    try:
        with (
            contextlib.closing(sqlite3.connect(source)) as origin,
            contextlib.closing(sqlite3.connect(partial)) as copy,
        ):
            origin.backup(copy)
        partial.replace(path)
    except (sqlite3.Error, OSError) as error:
        with contextlib.suppress(OSError):
            partial.unlink(missing_ok=True)
        raise StoreError(
            f"The backup {path} could not be written ({in_words(error)}); choose another place."
        ) from error


def in_words(error: BaseException) -> str:
    """Why a database or a disk failed, short and without addresses, passwords or statements."""
    cause: Any = getattr(error, "orig", None) or error
    if isinstance(cause, OSError) and cause.strerror:
        return cause.strerror.lower()
    if isinstance(cause, sqlite3.Error) or not isinstance(error, SQLAlchemyError):
        return " ".join(str(cause).split())[:120] or type(cause).__name__
    return "the database does not answer, or refuses"
