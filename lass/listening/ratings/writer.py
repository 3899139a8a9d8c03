"""One thread that writes for all: what waits is committed together, one transaction and one sync of the journal.

The order, and why nothing acknowledged is lost when the process is killed at any moment:

1. A transaction puts the rows *and* the journal's lines (table `outbox`) into the database.
2. The lines are appended to the journal and synced. Only then do the callers return.
3. The next transaction clears those lines from the outbox.

Killed before 1 ends: nobody was told anything. Between 1 and 2: the outbox has the lines, and the next start appends
them. After 2: both have them. A database that is lost or put back to an older state is rebuilt from the journals.
"""

import queue
import threading
from collections.abc import Callable
from concurrent.futures import Future
from concurrent.futures import TimeoutError as FutureTimeoutError
from dataclasses import dataclass, field
from typing import Any, TypeVar

from sqlalchemy import Connection, Engine, Insert, Table, delete, insert, select
from sqlalchemy.exc import InterfaceError, OperationalError, SQLAlchemyError
from sqlalchemy.sql.dml import ReturningInsert

from lass.errors import LassError
from lass.listening.ratings import database
from lass.listening.ratings.journal import Journal, encode
from lass.listening.ratings.records import StoreError
from lass.listening.ratings.schema import journals, outbox

T = TypeVar("T")
# As many as one transaction takes together.
BATCH = 256
# After this many seconds a caller is told to try again; the write may still be done later and is then found there.
LONGEST_WAIT = 60.0
# Failures that one operation alone does not cause: a batch that meets one is not tried again one by one.
_OF_ALL = (LassError, OSError, OperationalError, InterfaceError)


@dataclass
class Transaction:
    """What an operation works on: an open transaction, and the lines that go to the journal with it."""

    connection: Connection
    lines: list[tuple[str | None, str]] = field(default_factory=list)
    """The session's token, if the line is about one, and the line."""
    forgotten: set[str] = field(default_factory=set)
    """Sessions (SHA-256 of their tokens) to take out of the journals."""
    rows: dict[Table, list[dict[str, Any]]] = field(default_factory=dict)
    """New rows that wait to be inserted together; who reads a table in the same transaction has to look here too."""

    def add(self, table: Table, row: dict[str, Any]) -> None:
        """Inserts a row, at the end of the transaction or with the next `flush`."""
        self.rows.setdefault(table, []).append(row)

    def flush(self) -> None:
        """Inserts the rows that wait."""
        for table, waiting in self.rows.items():
            statement: Insert | ReturningInsert[Any] = insert(table)
            if self.connection.dialect.name != "sqlite":
                # To a server each statement is a journey: returning makes SQLAlchemy send many rows with one.
                statement = insert(table).returning(*table.primary_key.columns)
            self.connection.execute(statement, waiting)
        self.rows.clear()

    def note(self, entry: dict[str, Any], session: str | None = None) -> None:
        """Adds an entry to the journal."""
        self.lines.append((session, encode(entry)))


Operation = Callable[[Transaction], T]


@dataclass
class _Ticket:
    operation: Operation[Any]
    answer: "Future[Any]" = field(default_factory=Future)
    error: Exception | None = None
    value: Any = None

    def settle(self, error: Exception | None = None) -> None:
        if error or self.error:
            self.answer.set_exception(error or self.error)
        else:
            self.answer.set_result(self.value)


class Writer:
    """Runs operations in the order in which they come, several in one transaction.

    Args:
        engine: the database.
        journal: used by this writer's thread alone from now on.
        reopen: called, on the writer's thread, when the database's or the journal's files have gone.
    """

    def __init__(self, engine: Engine, journal: Journal, reopen: Callable[[], None]) -> None:
        self._engine = engine
        self._journal = journal
        self._reopen = reopen
        self._file = database.identity(engine)  # when it is another one, the connections write to nowhere
        self._boot = journal.name
        self._number = 0  # of the last line that this boot put into the outbox
        self._written = 0  # of the last line that is in the journal and may leave the outbox
        self._unsure = False  # whether the outbox may hold lines of a commit that seemed to fail
        self._pending: list[tuple[int, str]] = []  # in the outbox, not yet in the journal
        self._forgotten: set[str] = set()  # deleted in the database, not yet in the journal
        self._announced = ""  # the journal's file that the database knows of
        self._queue: queue.SimpleQueue[_Ticket | None] = queue.SimpleQueue()
        self._gate = threading.Lock()
        self._closed = False
        self.problem: str | None = None
        """Why the last write failed; None when it did not."""
        self._thread = threading.Thread(target=self._work, name="ratings-writer", daemon=True)
        self._thread.start()

    def do(self, operation: Operation[T]) -> T:
        """Runs an operation and returns when the database and the journal have what it wrote.

        Raises:
            StoreError: nothing was acknowledged.
        """
        ticket = _Ticket(operation)
        with self._gate:
            if self._closed:
                raise StoreError("The store of ratings is closed; start the application again.")
            self._queue.put(ticket)
        try:
            value: T = ticket.answer.result(LONGEST_WAIT)
        except FutureTimeoutError as error:
            raise StoreError("Your answer could not be saved in time; try again.") from error
        return value

    def close(self) -> None:
        """Does what is waiting and ends; clears the outbox if it can."""
        with self._gate:
            if self._closed:
                return
            self._closed = True
            self._queue.put(None)
        self._thread.join()

    def _work(self) -> None:
        while True:
            ticket = self._queue.get()
            batch: list[_Ticket] = []
            while ticket is not None and len(batch) < BATCH:
                batch.append(ticket)
                try:
                    ticket = self._queue.get_nowait() if len(batch) < BATCH else None
                except queue.Empty:
                    break
                if ticket is None:
                    self._queue.put(None)  # the sign to end, for the next turn
            if not batch:
                break
            self._run(batch)
        self._run([])

    def _run(self, batch: list[_Ticket]) -> None:
        try:
            self._catch_up()
            self._commit(batch)
            self._write_pending()
        except Exception as error:  # noqa: BLE001 - it is its callers', and the thread lives on
            if len(batch) > 1 and not isinstance(error, _OF_ALL):
                # One operation spoilt the transaction of all: each gets its own.
                for ticket in batch:
                    ticket.error = None
                    self._run([ticket])
                return
            error = _told(error)
            self.problem = str(error)
            for ticket in batch:
                ticket.settle(error)
        else:
            self.problem = None
            for ticket in batch:
                ticket.settle()

    def _catch_up(self) -> None:
        """Finishes what an earlier failure left undone, before anything new is written."""
        if self._file != database.identity(self._engine) or not self._journal.is_complete():
            self._reopen()  # which writes the whole outbox to the journal
            self._pending, self._unsure, self._written = [], False, self._number
            self._file = database.identity(self._engine)
        if self._unsure:
            mine = (outbox.c.boot == self._boot) & (outbox.c.number > self._written)
            query = select(outbox.c.number, outbox.c.line).where(mine).order_by(outbox.c.number)
            with self._engine.connect() as connection:
                self._pending = [(number, line) for number, line in connection.execute(query)]
            self._number = max([self._number, *(number for number, _ in self._pending)])
            self._unsure = False
        self._write_pending()

    def _commit(self, batch: list[_Ticket]) -> None:
        """Runs the operations and puts their lines into the outbox, in one transaction."""
        self._unsure = True
        with database.exclusive(self._engine) as connection:
            transaction = Transaction(connection)
            if self._written:
                mine = (outbox.c.boot == self._boot) & (outbox.c.number <= self._written)
                connection.execute(delete(outbox).where(mine))
            for ticket in batch:
                count = len(transaction.lines)
                try:
                    ticket.value = ticket.operation(transaction)
                except LassError as error:  # refused before it wrote anything
                    ticket.error = error
                    del transaction.lines[count:]
            rows: list[dict[str, Any]] = [
                {"boot": self._boot, "number": self._number + number, "session": session, "line": line}
                for number, (session, line) in enumerate(transaction.lines, start=1)
            ]
            if rows:
                self._announce(connection)
                transaction.rows.setdefault(outbox, []).extend(rows)
            transaction.flush()
        self._unsure = False
        self._number += len(rows)
        self._pending += [(row["number"], row["line"]) for row in rows]
        self._forgotten |= transaction.forgotten

    def _announce(self, connection: Connection) -> None:
        """Tells the database of the file that the lines go to; the next start misses it if it has gone."""
        name = self._journal.name
        if name != self._announced:
            known = connection.execute(select(journals.c.name).where(journals.c.name == name)).first()
            if known is None:
                connection.execute(insert(journals), {"name": name, "sha256": ""})
            self._announced = name

    def _write_pending(self) -> None:
        if self._pending:
            self._journal.append([line for _, line in self._pending])
            self._written = self._pending[-1][0]
            self._pending = []
        if self._forgotten:
            self._journal.forget(self._forgotten)
            self._forgotten = set()


def _told(error: Exception) -> Exception:
    """A failure of the database or the disk in words; other errors are faults of the program and stay what they are."""
    if isinstance(error, SQLAlchemyError | OSError):
        told = StoreError(f"Your answer could not be saved ({database.in_words(error)}); try again in a moment.")
        told.__cause__ = error
        return told
    return error
