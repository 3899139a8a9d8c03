"""Between the three forms of one fact: the record a caller sees, the row of a table, the entry of a journal."""

import json
from collections.abc import Mapping
from typing import Any

from lass.listening.ratings.records import RatingRecord, SessionRecord

_AS_JSON = ("answers", "flags")


def session_record(row: Mapping[str, Any]) -> SessionRecord:
    """A row of `sessions` as a record."""
    return SessionRecord.from_dict({**row, **{name: json.loads(row[name]) for name in _AS_JSON}})


def session_row(record: SessionRecord, key: str | None, changes: int) -> dict[str, Any]:
    """A record as a row of `sessions`; `key` and `changes` are the columns that callers do not see."""
    fields = record.as_dict()
    as_json = {name: json.dumps(fields[name], ensure_ascii=False) for name in _AS_JSON}
    return {**fields, **as_json, "seed": str(record.seed), "key": key, "changes": changes}


def session_entry(record: SessionRecord, key: str | None, changes: int) -> dict[str, Any]:
    """A session, whole, as an entry of a journal."""
    return {"kind": "session", "key": key, "changes": changes, **record.as_dict()}


def opened_entry(session: str, trial: int, at: float) -> dict[str, Any]:
    """The first opening of a trial as an entry of a journal."""
    return {"kind": "opened", "session": session, "trial": trial, "at": at}


def rating_entry(record: RatingRecord) -> dict[str, Any]:
    """A rating as an entry of a journal."""
    return {"kind": "rating", **record.as_dict()}


def preference_entry(row: Mapping[str, Any]) -> dict[str, Any]:
    """A row of `preferences` as an entry of a journal, in which `kind` says what the entry is."""
    return {
        "kind": "preference", "key": row["key"], "about": row["kind"], "created": row["created"],
        "values": json.loads(row["content"]),
    }  # fmt: skip


def preference_row(entry: Mapping[str, Any]) -> dict[str, Any]:
    """The inverse of `preference_entry`."""
    return {
        "key": str(entry["key"]), "kind": str(entry["about"]), "created": float(entry["created"]),
        "content": json.dumps(entry["values"], ensure_ascii=False),
    }  # fmt: skip


def deletion_entry(token_sha256: str) -> dict[str, Any]:
    """The mark that stays of a deleted session."""
    return {"kind": "deleted", "token_sha256": token_sha256}
