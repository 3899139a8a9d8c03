"""What a write of the store looks up first, within its own transaction."""

from typing import Any

from sqlalchemy import Connection, select

from lass.listening.ratings.records import RatingRecord, UnknownSessionError, plain
from lass.listening.ratings.schema import ratings, sessions, values
from lass.listening.ratings.writer import Transaction


def session_row(connection: Connection, token: str) -> dict[str, Any]:
    """The row of a session; raises UnknownSessionError."""
    row = connection.execute(select(sessions).where(sessions.c.token == plain(token))).first()
    if row is None:
        raise UnknownSessionError
    return values(row)


def answers_to(transaction: Transaction, token: str, trial: int) -> list[RatingRecord]:
    """All revisions of a trial's answers, in one question to the database: this is what a hundred raters wait for."""
    same = (ratings.c.session == sessions.c.token) & (ratings.c.trial == trial)
    query = select(ratings).select_from(sessions.outerjoin(ratings, same)).where(sessions.c.token == plain(token))
    found = [values(row) for row in transaction.connection.execute(query)]
    if not found:
        raise UnknownSessionError
    waiting = [row for row in transaction.rows.get(ratings, []) if (row["session"], row["trial"]) == (token, trial)]
    return [RatingRecord.from_dict(row) for row in (*found, *waiting) if row["session"] is not None]
