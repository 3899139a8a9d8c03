"""What a write of the store looks up first, within its own transaction."""

from typing import Any

from sqlalchemy import Connection, func, select

from lass.listening.ratings.records import RatingRecord, UnknownSessionError, plain
from lass.listening.ratings.schema import ratings, sessions, values
from lass.listening.ratings.writer import Transaction


def session_row(connection: Connection, token: str) -> dict[str, Any]:
    """The row of a session; raises UnknownSessionError."""
    row = connection.execute(select(sessions).where(sessions.c.token == plain(token))).first()
    if row is None:
        raise UnknownSessionError
    return values(row)


def free_place(connection: Connection, study: str) -> int:
    """The lowest place of a study that nobody has."""
    here = sessions.c.study == study
    count, last = connection.execute(select(func.count(), func.max(sessions.c.place)).where(here)).one()
    if last is None or count == last + 1:
        return int(count)
    taken = set(connection.execute(select(sessions.c.place).where(here)).scalars())
    return next(place for place in range(count + 1) if place not in taken)


def answers_to(transaction: Transaction, token: str, trial: int) -> list[RatingRecord]:
    """All revisions of a trial's answers, in one question to the database: this is what a hundred raters wait for."""
    same = (ratings.c.session == sessions.c.token) & (ratings.c.trial == trial)
    query = select(ratings).select_from(sessions.outerjoin(ratings, same)).where(sessions.c.token == plain(token))
    found = [values(row) for row in transaction.connection.execute(query)]
    if not found:
        raise UnknownSessionError
    waiting = [row for row in transaction.rows.get(ratings, []) if (row["session"], row["trial"]) == (token, trial)]
    return [RatingRecord.from_dict(row) for row in (*found, *waiting) if row["session"] is not None]
