"""The store as a machine: how it is opened, whether it works, what it says of itself, how it is copied and closed."""

import contextlib
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Self

from sqlalchemy import Engine, Select, Table, func, select
from sqlalchemy.exc import SQLAlchemyError

from lass.listening.ratings import database, replay
from lass.listening.ratings.journal import Journal
from lass.listening.ratings.records import StoreError
from lass.listening.ratings.schema import HEAD, preferences, ratings, sessions, values
from lass.listening.ratings.writer import Writer

JOURNAL_FOLDER = "journal"
_Clock = Callable[[], float]


class Machine:
    """A database and its journal, with one thread that writes both; see `open`. What is written is `Store`'s."""

    def __init__(self, engine: Engine, folder: Path, clock: _Clock) -> None:
        self._engine = engine
        self._clock = clock
        self._journal = Journal(folder / JOURNAL_FOLDER)
        self._found = replay.Report()
        self._reports: dict[str, Callable[[], Mapping[str, Any]]] = {}
        self._prepare()
        self._writer = Writer(engine, self._journal, self._prepare)

    @classmethod
    def open(cls, url: str | None, folder: Path, clock: _Clock = time.time) -> Self:
        """Opens the store: migrates the database and replays the journals.

        Args:
            url: `postgresql+pg8000://…`, or `sqlite:///FILE`; None is the file `ratings.sqlite` in `folder`.
            folder: where the journals lie, in the folder `journal`; made if it is not there.
            clock: gives the time in Unix seconds.

        Raises:
            StoreError: the database or the folder cannot be used, or a newer program made them.
        """
        engine = database.connect(url, folder)
        try:
            folder.mkdir(parents=True, exist_ok=True)
            return cls(engine, folder, clock)
        except (SQLAlchemyError, OSError) as error:
            engine.dispose()
            raise StoreError(
                f"The ratings in {folder} cannot be opened ({database.in_words(error)}); "
                "check that the folder can be written and that the database is there."
            ) from error
        except StoreError:
            engine.dispose()
            raise

    def backup(self, path: Path) -> None:
        """Writes a whole copy of the database to a file while it is in use, through SQLite's own backup.

        Raises:
            StoreError: the file cannot be written, or the database is a server's.
        """
        database.backup(self._engine, path)

    def healthy(self) -> bool:
        """Whether answers can be saved now; after a failure this tries again."""
        try:
            if self._writer.problem is not None:
                self._writer.do(lambda transaction: transaction.note({"kind": "check"}))
            self._read(select(1))
        except StoreError:
            return False
        return True

    def report_also(self, name: str, report: Callable[[], Mapping[str, Any]]) -> None:
        """Adds what something beside the store (the upload of the journals) says about itself to `status`.

        What it gives under `problem`, if anything, stands among the problems too.
        """
        self._reports[name] = report

    def status(self) -> dict[str, Any]:
        """What the organiser's page shows of the store.

        Keys: database ("sqlite" or "postgresql"), where, version, journal_files, journal_bytes, rows (by table; None
        if the database does not answer), problems (sentences), and one for each `report_also`.
        """
        problems = [*self._found.problems, *([self._writer.problem] if self._writer.problem else [])]
        counts: dict[str, int] | None = None
        try:
            tables = (sessions, ratings, preferences)
            counts = {table.name: self._count(table) for table in tables}
        except StoreError as error:
            problems.append(str(error))
        others = {name: dict(report()) for name, report in self._reports.items()}
        problems += [str(other["problem"]) for other in others.values() if other.get("problem")]
        sizes = self._journal.sizes()
        return {
            "database": self._engine.dialect.name,
            "where": self._engine.url.render_as_string(hide_password=True),
            "version": HEAD,
            "journal_files": len(sizes),
            "journal_bytes": sum(sizes),
            "rows": counts,
            "problems": problems,
            **others,
        }

    @property
    def journal_folder(self) -> Path:
        """Where the journals lie."""
        return self._journal.folder

    def close(self) -> None:
        """Finishes what is waiting and lets go of the database; the store cannot be used after that."""
        self._writer.close()
        if self._writer.problem is None:
            with (
                contextlib.suppress(SQLAlchemyError, OSError),
                self._journal.locked(),
                database.exclusive(self._engine) as connection,
            ):
                replay.remember(connection, self._journal, self._found.damaged)
        self._journal.close()
        self._engine.dispose()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _prepare(self) -> None:
        self._engine.dispose()
        self._found = replay.bring_together(self._engine, self._journal)

    def _count(self, table: Table) -> int:
        return int(self._read(select(func.count().label("rows")).select_from(table))[0]["rows"])

    def _read(self, query: Select[Any]) -> list[dict[str, Any]]:
        try:
            with self._engine.connect() as connection:
                return [values(row) for row in connection.execute(query)]
        except (SQLAlchemyError, OSError) as error:
            raise StoreError(
                f"The ratings cannot be read now ({database.in_words(error)}); try again in a moment."
            ) from error
