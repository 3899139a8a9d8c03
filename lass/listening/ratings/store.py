"""The store of a listening test: every write is in the database and in the journal before its method returns.

How that holds is told in `writer.py`; what a start does in `replay.py`; how the store is opened in `machine.py`.
"""

import json
import secrets
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from sqlalchemy import delete, func, insert, select, update

from lass.listening.ratings import database, rows
from lass.listening.ratings.journal import token_sha256
from lass.listening.ratings.lookups import answers_to, session_row
from lass.listening.ratings.machine import JOURNAL_FOLDER, Machine
from lass.listening.ratings.places import take_place
from lass.listening.ratings.records import (
    AGENT_CLASSES,
    CHANGEABLE,
    RatingRecord,
    SessionRecord,
    StoreError,
    UnknownSessionError,
    check_answers,
    check_whole,
    plain,
    reference,
)
from lass.listening.ratings.schema import deletions, journals, opened, outbox, preferences, ratings, sessions, values
from lass.listening.ratings.writer import Transaction

__all__ = ["JOURNAL_FOLDER", "Store", "StoreError", "UnknownSessionError"]


class Store(Machine):
    """Sessions, ratings and preferences, safe to use from any number of threads; see `open`."""

    # --- Participants ---------------------------------------------------------------------------------------------

    def begin(
        self,
        study_slug: str,
        study_sha256: str,
        seed: int,
        language: str,
        agent_class: str,
        kiosk: bool,
        *,
        key: str | None = None,
    ) -> SessionRecord:
        """Begins a session in a place of the study: 0, 1, 2 … for participants who come, and then that of one whose
        data were deleted, or who left before the first trial; see `places.py`.

        Args:
            key: an unguessable text of the participant's browser; the same one again gives the same session again.
        """
        if agent_class not in AGENT_CLASSES:
            raise ValueError(f"agent_class is one of {AGENT_CLASSES}, not {agent_class!r}")
        # In hexadecimal digits: a command line would take a dash at its beginning for an option.
        token = secrets.token_hex(16)
        key = None if key is None else plain(key)

        def operation(transaction: Transaction) -> SessionRecord:
            connection = transaction.connection
            if key is not None:
                same = (sessions.c.study == study_slug) & (sessions.c.key == key)
                row = connection.execute(select(sessions).where(same)).first()
                if row is not None:
                    return rows.session_record(values(row))
            now = self._clock()
            record = SessionRecord(
                token=token, study=study_slug, study_sha256=study_sha256,
                place=take_place(transaction, study_slug, now), seed=seed, language=plain(language),
                agent_class=agent_class, kiosk=kiosk, created=now,
            )  # fmt: skip
            connection.execute(insert(sessions), rows.session_row(record, key, changes=1))
            transaction.note(rows.session_entry(record, key, changes=1), token)
            return record

        return self._writer.do(operation)

    def session(self, token: str) -> SessionRecord | None:
        """The session with this token, if there is one."""
        found = self._read(select(sessions).where(sessions.c.token == plain(token)))
        return rows.session_record(found[0]) if found else None

    def update(self, token: str, **changes: Any) -> SessionRecord:
        """Changes fields of a session (those in CHANGEABLE); what stays the same is not written again.

        Raises:
            UnknownSessionError: there is no such session.
            TypeError: a field that may not be changed.
        """
        if not changes.keys() <= CHANGEABLE:
            raise TypeError(f"cannot be changed: {', '.join(sorted(changes.keys() - CHANGEABLE))}")
        if "answers" in changes:
            changes["answers"] = {plain(key): plain(str(answer)) for key, answer in changes["answers"].items()}
        if "flags" in changes:
            changes["flags"] = tuple(changes["flags"])

        def operation(transaction: Transaction) -> SessionRecord:
            row = session_row(transaction.connection, token)
            before = rows.session_record(row)
            after = replace(before, **changes)
            if after != before:
                count = row["changes"] + 1
                new = rows.session_row(after, row["key"], count)
                changed = {name: new[name] for name in (*changes, "changes")}
                transaction.connection.execute(update(sessions).where(sessions.c.token == token).values(**changed))
                transaction.note(rows.session_entry(after, row["key"], count), token)
            return after

        return self._writer.do(operation)

    def opened(self, token: str, trial: int, now: float) -> float:
        """Notes when a trial was first served to a session, and says when that was; later calls change nothing.

        Raises:
            UnknownSessionError: there is no such session.
        """
        check_whole("trial", trial)

        def operation(transaction: Transaction) -> float:
            connection = transaction.connection
            session_row(connection, token)
            here = (opened.c.session == token) & (opened.c.trial == trial)
            first = connection.execute(select(opened.c.at).where(here)).scalar()
            if first is not None:
                return float(first)
            connection.execute(insert(opened), {"session": token, "trial": trial, "at": now})
            transaction.note(rows.opened_entry(token, trial, now), token)
            return now

        return self._writer.do(operation)

    def rate(
        self,
        token: str,
        trial: int,
        stimulus: str,
        stimulus_sha256: str,
        scores: Mapping[str, int],
        key: str,
        plays: int,
        seconds_heard: float,
        seconds_to_rate: float,
    ) -> dict[str, RatingRecord]:
        """Saves the answers to a trial's questions, all of them or none, and gives them back by question.

        The same key again gives the stored answers again; another key makes further revisions.

        Args:
            scores: question -> score.

        Raises:
            UnknownSessionError: there is no such session.
            StoreError: they could not be saved, or a value is none that could be.
        """
        check_answers(trial, scores, plays, seconds_heard=seconds_heard, seconds_to_rate=seconds_to_rate)
        token, key = plain(token), plain(key)

        def operation(transaction: Transaction) -> dict[str, RatingRecord]:
            earlier, saved = answers_to(transaction, token, trial), {}
            for question, score in scores.items():
                own = [record for record in earlier if record.question == plain(question)]
                same = next((record for record in own if record.key == key), None)
                saved[question] = same or RatingRecord(
                    session=token, trial=trial, stimulus=stimulus, stimulus_sha256=stimulus_sha256,
                    question=plain(question), score=score, key=key,
                    revision=1 + max((record.revision for record in own), default=0),
                    plays=plays, seconds_heard=float(seconds_heard), seconds_to_rate=float(seconds_to_rate),
                    created=self._clock(),
                )  # fmt: skip
                if same is None:
                    transaction.add(ratings, saved[question].as_dict())
                    transaction.note(rows.rating_entry(saved[question]), token)
            return saved

        return self._writer.do(operation)

    def first_answered(self, token: str, trial: int) -> float | None:
        """When a trial was first answered, however often its answers were changed since; None if it was not."""
        here = (ratings.c.session == plain(token)) & (ratings.c.trial == trial) & (ratings.c.revision == 1)
        at = self._read(select(func.max(ratings.c.created).label("at")).where(here))[0]["at"]
        return None if at is None else float(at)

    def latest(self, token: str) -> dict[tuple[int, str], RatingRecord]:
        """A session's newest answers, by trial and question."""
        query = select(ratings).where(ratings.c.session == plain(token)).order_by(ratings.c.revision)
        records = [RatingRecord.from_dict(row) for row in self._read(query)]
        return {(record.trial, record.question): record for record in records}

    # --- The organiser --------------------------------------------------------------------------------------------

    def sessions(self, study_slug: str) -> list[SessionRecord]:
        """The sessions of a study in the order of their places."""
        query = select(sessions).where(sessions.c.study == study_slug).order_by(sessions.c.place)
        return [rows.session_record(row) for row in self._read(query)]

    def find(self, study_slug: str, participant: str) -> SessionRecord | None:
        """A session by its token, or by the `reference` that an export has instead of it."""
        for session in self.sessions(study_slug):
            if participant in (session.token, reference(session.token)):
                return session
        return None

    def ratings(self, study_slug: str) -> list[RatingRecord]:
        """All revisions of a study's ratings, by place, trial, question and revision."""
        order = (sessions.c.place, ratings.c.trial, ratings.c.question, ratings.c.revision)
        query = select(ratings).join(sessions).where(sessions.c.study == study_slug).order_by(*order)
        return [RatingRecord.from_dict(row) for row in self._read(query)]

    def delete(self, token: str) -> bool:
        """Deletes all that a participant left: rows, and lines of the journals; True if there was such a session.

        The SHA-256 of the token stays, so that no older copy of a journal brings the data back. Backups and other
        copies that somebody made are out of reach; one that is put back is cleaned when the store opens.
        """
        sha256 = token_sha256(token)

        def operation(transaction: Transaction) -> bool:
            transaction.flush()
            connection = transaction.connection
            connection.execute(delete(outbox).where(outbox.c.session == token))
            transaction.lines[:] = [line for line in transaction.lines if line[0] != token]
            there = connection.execute(delete(sessions).where(sessions.c.token == token)).rowcount > 0
            known = connection.execute(select(deletions).where(deletions.c.token_sha256 == sha256)).first()
            if there and known is None:
                connection.execute(insert(deletions), {"token_sha256": sha256})
                transaction.note(rows.deletion_entry(sha256))
            if there or known is not None:
                # If the process is killed before the journals are rewritten, the next start reads all of them again.
                connection.execute(delete(journals))
                transaction.forgotten.add(sha256)
            return there

        there = self._writer.do(operation)
        database.settle(self._engine)
        return there

    # --- Votes of the Compare page --------------------------------------------------------------------------------

    def preference(self, kind: str, values: Mapping[str, Any], key: str | None = None) -> None:
        """Saves a vote of the Compare page; with a key, the same vote again is not counted again.

        Args:
            values: whatever JSON can hold.
        """
        entry = {
            "kind": "preference", "key": plain(key or secrets.token_urlsafe(16)), "about": plain(kind),
            "created": self._clock(), "values": json.loads(plain(json.dumps(dict(values), ensure_ascii=False))),
        }  # fmt: skip

        def operation(transaction: Transaction) -> None:
            connection, row = transaction.connection, rows.preference_row(entry)
            if connection.execute(select(preferences).where(preferences.c.key == row["key"])).first() is None:
                connection.execute(insert(preferences), row)
                transaction.note(entry)

        self._writer.do(operation)

    def preferences(self) -> list[dict[str, Any]]:
        """All votes, oldest first: `kind`, `created` and `values` of each."""
        found = self._read(select(preferences).order_by(preferences.c.created, preferences.c.key))
        return [
            {"kind": row["kind"], "created": row["created"], "values": json.loads(row["content"])} for row in found
        ]  # fmt: skip
