"""The tables of the store, the same on SQLite and PostgreSQL, and which version of them this program knows.

What a participant did stands in `sessions`, `opened`, `ratings` and `preferences`; the other three tables keep the
journal in step (see `writer.py` and `replay.py`).
"""

from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Double,
    ForeignKey,
    Integer,
    MetaData,
    PrimaryKeyConstraint,
    Row,
    String,
    Table,
    Text,
    UniqueConstraint,
)

# The last step in migrations/versions. A database of this version needs no migration when it is opened.
HEAD = "0001"

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
        "pk": "pk_%(table_name)s",
    }
)

sessions = Table(
    "sessions", metadata,
    Column("token", String, primary_key=True),
    Column("study", String, nullable=False),
    Column("study_sha256", String, nullable=False),
    Column("place", Integer, nullable=False),
    Column("seed", String, nullable=False),  # any whole number, as text: it may be larger than 64 bits
    Column("language", String, nullable=False),
    Column("agent_class", String, nullable=False),
    Column("kiosk", Boolean, nullable=False),
    Column("created", Double, nullable=False),
    Column("consented", Double),
    Column("headphones", String),
    Column("finished", Double),
    Column("code", String),
    Column("answers", Text, nullable=False),  # JSON
    Column("flags", Text, nullable=False),  # JSON
    Column("key", String),  # of the request that began it, so that the same request again begins nothing
    Column("changes", Integer, nullable=False),  # grows with every update: the journal's newest line wins
    UniqueConstraint("study", "place"),
    UniqueConstraint("study", "key"),
    CheckConstraint("place >= 0", name="place"),
)  # fmt: skip

opened = Table(
    "opened", metadata,
    Column("session", String, ForeignKey("sessions.token", ondelete="CASCADE"), nullable=False),
    Column("trial", Integer, nullable=False),
    Column("at", Double, nullable=False),
    PrimaryKeyConstraint("session", "trial"),
)  # fmt: skip

ratings = Table(
    "ratings", metadata,
    Column("session", String, ForeignKey("sessions.token", ondelete="CASCADE"), nullable=False),
    Column("trial", Integer, nullable=False),
    Column("stimulus", String, nullable=False),
    Column("stimulus_sha256", String, nullable=False),
    Column("question", String, nullable=False),
    Column("score", Integer, nullable=False),
    Column("revision", Integer, nullable=False),
    Column("key", String, nullable=False),
    Column("plays", Integer, nullable=False),
    Column("seconds_heard", Double, nullable=False),
    Column("seconds_to_rate", Double, nullable=False),
    Column("created", Double, nullable=False),
    PrimaryKeyConstraint("session", "trial", "question", "revision"),
    UniqueConstraint("session", "trial", "question", "key"),
    CheckConstraint("score BETWEEN 1 AND 5", name="score"),
    CheckConstraint("revision >= 1", name="revision"),
)  # fmt: skip

preferences = Table(
    "preferences", metadata,
    Column("key", String, primary_key=True),
    Column("kind", String, nullable=False),
    Column("created", Double, nullable=False),
    Column("content", Text, nullable=False),  # JSON
)  # fmt: skip

# Lines that a transaction brought and that may not have reached the journal yet, by the boot that has to write them.
outbox = Table(
    "outbox", metadata,
    Column("boot", String, nullable=False),
    Column("number", BigInteger, nullable=False),
    Column("session", String),
    Column("line", Text, nullable=False),  # JSON
    PrimaryKeyConstraint("boot", "number"),
)  # fmt: skip

# The journal files whose content is in the tables; with another SHA-256, a file is replayed when the store opens.
journals = Table(
    "journals", metadata,
    Column("name", String, primary_key=True),
    Column("sha256", String, nullable=False),
)  # fmt: skip

# Sessions whose data were deleted, by the SHA-256 of the token: no older copy of a journal brings them back.
deletions = Table(
    "deletions", metadata,
    Column("token_sha256", String, primary_key=True),
)  # fmt: skip


def values(row: Row[Any]) -> dict[str, Any]:
    """A row as a dictionary from column to value."""
    return dict(row._mapping)
