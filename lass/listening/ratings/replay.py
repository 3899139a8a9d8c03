"""The database from the journals, and the journals from the database: whichever of them is behind catches up.

Runs when a store opens. A file whose bytes are known is skipped; any other is replayed, which changes nothing where
the database has its lines already.
"""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from sqlalchemy import Connection, Engine, Table, delete, select, update
from sqlalchemy.dialects import postgresql, sqlite

from lass.listening.ratings import database, rows
from lass.listening.ratings.journal import Journal, JournalFile, encode, read, sha256_of, token_sha256
from lass.listening.ratings.records import HIGHEST_SCORE, LOWEST_SCORE, RatingRecord, SessionRecord
from lass.listening.ratings.schema import deletions, journals, opened, outbox, preferences, ratings, sessions, values

# Rows that one statement inserts: PostgreSQL's protocol counts parameters with 16 bits.
_PORTION = 500


@dataclass(frozen=True)
class Report:
    """What a start found."""

    problems: tuple[str, ...] = ()
    """What an organiser should know about damage, one sentence each."""
    damaged: frozenset[str] = frozenset()
    """The names of files with lines that cannot be read."""


def bring_together(engine: Engine, journal: Journal) -> Report:
    """Migrates the database, replays the journals into it, and writes to the journal what only the database has.

    Raises:
        StoreError, SQLAlchemyError, OSError: the store cannot be opened.
    """
    problems: list[str] = []
    # Two processes that open at once do it one after the other.
    with journal.locked():
        with database.exclusive(engine) as connection:
            database.migrate(connection)
            known = {row.name: row.sha256 for row in connection.execute(select(journals))}
            paths = journal.files()
            missing = known.keys() - {path.name for path in paths}
            files = [file for path in paths if (file := read(path, known.get(path.name))) is not None]
            found = _Found(problems.append)
            gone = _replay(connection, files, found)
            waiting = connection.execute(select(outbox.c.boot, outbox.c.number, outbox.c.line)).all()
            lines = [line for _, _, line in sorted(waiting)]
            lines = list(everything(connection)) if missing else [*lines, *found.moved]
        journal.append(lines)
        if gone:
            journal.forget(gone)
        with database.exclusive(engine) as connection:
            last: dict[str, int] = {}
            for boot, number, _ in waiting:
                last[boot] = max(number, last.get(boot, 0))
            for boot, number in last.items():
                connection.execute(delete(outbox).where((outbox.c.boot == boot) & (outbox.c.number <= number)))
            report = Report(tuple(problems), frozenset(file.name for file in files if file.damaged))
            remember(connection, journal, report.damaged)
    return report


def remember(connection: Connection, journal: Journal, damaged: Collection[str] = ()) -> None:
    """Notes that the tables have what the journal's files hold now; a damaged file is reported at every start."""
    found = [{"name": path.name, "sha256": sha256_of(path)} for path in journal.files() if path.name not in damaged]
    connection.execute(delete(journals))
    _insert_new(connection, journals, found)


def everything(connection: Connection) -> Iterator[str]:
    """All that the tables hold, as lines of a journal."""
    for row in connection.execute(select(sessions).order_by(sessions.c.study, sessions.c.place)):
        columns = values(row)
        yield encode(rows.session_entry(rows.session_record(columns), columns["key"], columns["changes"]))
    for row in connection.execute(select(opened).order_by(opened.c.at)):
        yield encode(rows.opened_entry(**values(row)))
    for row in connection.execute(select(ratings).order_by(ratings.c.created)):
        yield encode(rows.rating_entry(RatingRecord.from_dict(values(row))))
    for row in connection.execute(select(preferences).order_by(preferences.c.created)):
        yield encode(rows.preference_entry(values(row)))
    for (sha256,) in connection.execute(select(deletions.c.token_sha256)):
        yield encode(rows.deletion_entry(sha256))


@dataclass
class _Found:
    """What the journals say, by table; of each session only the newest state."""

    tell: Callable[[str], None]
    """Takes what the organiser should know."""
    sessions: dict[str, tuple[int, str | None, SessionRecord]] = field(default_factory=dict)
    opened: list[dict[str, Any]] = field(default_factory=list)
    ratings: list[RatingRecord] = field(default_factory=list)
    preferences: list[dict[str, Any]] = field(default_factory=list)
    deleted: set[str] = field(default_factory=set)
    moved: list[str] = field(default_factory=list)
    """New lines, of sessions that could not keep their place."""

    def add(self, entry: Mapping[str, Any]) -> None:
        """Sorts an entry in; raises KeyError, TypeError or ValueError for one of an unknown shape."""
        match entry["kind"]:
            case "session":
                record, changes = SessionRecord.from_dict(entry), int(entry["changes"])
                if record.token not in self.sessions or self.sessions[record.token][0] < changes:
                    self.sessions[record.token] = (changes, entry["key"], record)
            case "opened":
                trial = {"session": str(entry["session"]), "trial": int(entry["trial"]), "at": float(entry["at"])}
                self.opened.append(trial)
            case "rating":
                rating = RatingRecord.from_dict(entry)
                if not LOWEST_SCORE <= rating.score <= HIGHEST_SCORE:
                    raise ValueError(rating.score)
                self.ratings.append(rating)
            case "preference":
                self.preferences.append(rows.preference_row(entry))
            case "deleted":
                self.deleted.add(str(entry["token_sha256"]))
            case "journal" | "check":
                pass
            case kind:
                raise ValueError(kind)


def _replay(connection: Connection, files: Sequence[JournalFile], found: _Found) -> set[str]:
    """Puts into the tables what files hold; returns the deleted sessions of which they still hold lines."""
    for file in files:
        unknown = 0
        for entry in file.entries:
            try:
                found.add(entry)
            except (KeyError, TypeError, ValueError):
                unknown += 1
        if file.damaged or unknown:
            where = f", the first is line {file.damaged[0]}" if file.damaged else ""
            count = len(file.damaged) + unknown
            found.tell(
                f"{count} damaged line(s) of the journal {file.name} were left out{where}; all others were read."
            )
    recorded = set(connection.execute(select(deletions.c.token_sha256)).scalars())
    _insert_new(connection, deletions, [{"token_sha256": sha256} for sha256 in found.deleted - recorded])
    gone = found.deleted | recorded
    tokens = {*found.sessions, *(row["session"] for row in found.opened), *(record.session for record in found.ratings)}
    dead = {token for token in tokens if token_sha256(token) in gone} if gone else set()
    if found.deleted - recorded:  # the tables are older than the deletion
        kept = connection.execute(select(sessions.c.token)).scalars().all()
        for token in (token for token in kept if token_sha256(token) in gone):
            connection.execute(delete(sessions).where(sessions.c.token == token))
    for token in dead:
        found.sessions.pop(token, None)
    _put_sessions(connection, found)
    if found.opened or found.ratings:
        _put_trials(connection, found, dead)
    _insert_new(connection, preferences, found.preferences)
    return {token_sha256(token) for token in dead}


def _put_sessions(connection: Connection, found: _Found) -> None:
    if not found.sessions:
        return
    columns = (sessions.c.token, sessions.c.changes, sessions.c.study, sessions.c.place, sessions.c.key)
    there = {row.token: row for row in connection.execute(select(*columns))}
    newer = {
        token: state
        for token, state in found.sessions.items()
        if token not in there or state[0] > there[token].changes
    }
    kept = [row for token, row in there.items() if token not in newer]
    places = {(row.study, row.place) for row in kept}
    keys = {(row.study, row.key) for row in kept}
    _step_aside(connection, sorted(newer.keys() & there.keys()), max((row.place for row in there.values()), default=0))
    new = []
    for token, (changes, key, record) in newer.items():
        if key is not None and (record.study, key) in keys:
            key = None
        if (record.study, record.place) in places:
            # A journal that was away while the study went on: nobody's answers are dropped for that.
            place = 1 + max(place for study, place in places if study == record.study)
            found.tell(
                f"Two participants of {record.study} have place {record.place}, because a journal was missing for a "
                f"time; the second one is kept with place {place}."
            )
            record, changes = replace(record, place=place), changes + 1
            found.moved.append(encode(rows.session_entry(record, key, changes)))
        row = rows.session_row(record, key, changes)
        places.add((record.study, row["place"]))
        keys.add((record.study, row["key"]))
        if token in there:
            connection.execute(update(sessions).where(sessions.c.token == token).values(**row))
        else:
            new.append(row)
    _insert_new(connection, sessions, new)


def _step_aside(connection: Connection, tokens: Sequence[str], last: int) -> None:
    """Puts sessions behind the last place: one may get the place that another of them has had until now."""
    for start in range(0, len(tokens), _PORTION):
        portion = sessions.c.token.in_(tokens[start : start + _PORTION])
        connection.execute(update(sessions).where(portion).values(place=sessions.c.place + last + 1))


def _put_trials(connection: Connection, found: _Found, dead: set[str]) -> None:
    alive = set(connection.execute(select(sessions.c.token)).scalars())
    _insert_new(connection, opened, [row for row in found.opened if row["session"] in alive])
    _insert_new(connection, ratings, [record.as_dict() for record in found.ratings if record.session in alive])
    orphans = sum(record.session not in alive and record.session not in dead for record in found.ratings)
    if orphans:
        found.tell(f"{orphans} rating(s) stand in the journals only, because the lines of their sessions are damaged.")


def _insert_new(connection: Connection, table: Table, found: Sequence[Mapping[str, Any]]) -> None:
    """Inserts the rows that are not there yet."""
    insert = sqlite.insert if connection.dialect.name == "sqlite" else postgresql.insert
    for start in range(0, len(found), _PORTION):
        portion = [dict(row) for row in found[start : start + _PORTION]]
        connection.execute(insert(table).values(portion).on_conflict_do_nothing())
