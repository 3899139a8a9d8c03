"""Which place in a study a participant gets; places decide who hears what, so that all is heard equally often.

That holds for the places 0, 1, 2 … without a gap. Somebody who begins and leaves before the first trial would leave
one: their presentations were dealt and nobody heard them. So their place goes to the next who comes, and they get the
free one instead, should they come back. They have heard nothing yet, and do not see the difference. Who has opened a
trial keeps a place for good: the same trials in the same order, whenever they go on.
"""

from dataclasses import replace

from sqlalchemy import Connection, exists, func, select, update

from lass.listening.ratings import rows
from lass.listening.ratings.schema import opened, ratings, sessions, values
from lass.listening.ratings.writer import Transaction

AWAY = 3600.0
"""Seconds from the beginning of a session without a trial until its participant counts as gone."""


def take_place(transaction: Transaction, study: str, now: float) -> int:
    """The place for a participant who comes at a time: that of one who has gone, or the lowest that nobody has."""
    connection = transaction.connection
    free = _free_place(connection, study)
    began = exists().where(opened.c.session == sessions.c.token) | exists().where(ratings.c.session == sessions.c.token)
    here = (sessions.c.study == study) & (sessions.c.place < free) & (sessions.c.created < now - AWAY)
    query = select(sessions).where(here & ~began).order_by(sessions.c.place).limit(1)
    found = connection.execute(query).first()
    if found is None:
        return free
    gone = values(found)
    token, key, changes = gone["token"], gone["key"], gone["changes"] + 1
    connection.execute(update(sessions).where(sessions.c.token == token).values(place=free, changes=changes))
    transaction.note(rows.session_entry(replace(rows.session_record(gone), place=free), key, changes), token)
    return int(gone["place"])


def _free_place(connection: Connection, study: str) -> int:
    """The lowest place of a study that nobody has."""
    here = sessions.c.study == study
    count, last = connection.execute(select(func.count(), func.max(sessions.c.place)).where(here)).one()
    if last is None or count == last + 1:
        return int(count)
    taken = set(connection.execute(select(sessions.c.place).where(here)).scalars())
    return next(place for place in range(count + 1) if place not in taken)
