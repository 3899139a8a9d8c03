"""The first tables.

A step is history: it spells its tables out and does not follow `schema.py`, which goes on changing.
"""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Creates every table."""
    op.create_table(
        "sessions",
        sa.Column("token", sa.String(), nullable=False),
        sa.Column("study", sa.String(), nullable=False),
        sa.Column("study_sha256", sa.String(), nullable=False),
        sa.Column("place", sa.Integer(), nullable=False),
        sa.Column("seed", sa.String(), nullable=False),
        sa.Column("language", sa.String(), nullable=False),
        sa.Column("agent_class", sa.String(), nullable=False),
        sa.Column("kiosk", sa.Boolean(), nullable=False),
        sa.Column("created", sa.Double(), nullable=False),
        sa.Column("consented", sa.Double()),
        sa.Column("headphones", sa.String()),
        sa.Column("finished", sa.Double()),
        sa.Column("code", sa.String()),
        sa.Column("answers", sa.Text(), nullable=False),
        sa.Column("flags", sa.Text(), nullable=False),
        sa.Column("key", sa.String()),
        sa.Column("changes", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("token", name="pk_sessions"),
        sa.UniqueConstraint("study", "place", name="uq_sessions_study_place"),
        sa.UniqueConstraint("study", "key", name="uq_sessions_study_key"),
        sa.CheckConstraint("place >= 0", name=op.f("ck_sessions_place")),
    )
    op.create_table(
        "opened",
        sa.Column("session", sa.String(), nullable=False),
        sa.Column("trial", sa.Integer(), nullable=False),
        sa.Column("at", sa.Double(), nullable=False),
        sa.PrimaryKeyConstraint("session", "trial", name="pk_opened"),
        sa.ForeignKeyConstraint(
            ["session"], ["sessions.token"], ondelete="CASCADE", name="fk_opened_session_sessions"
        ),
    )
    op.create_table(
        "ratings",
        sa.Column("session", sa.String(), nullable=False),
        sa.Column("trial", sa.Integer(), nullable=False),
        sa.Column("stimulus", sa.String(), nullable=False),
        sa.Column("stimulus_sha256", sa.String(), nullable=False),
        sa.Column("question", sa.String(), nullable=False),
        sa.Column("score", sa.Integer(), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("plays", sa.Integer(), nullable=False),
        sa.Column("seconds_heard", sa.Double(), nullable=False),
        sa.Column("seconds_to_rate", sa.Double(), nullable=False),
        sa.Column("created", sa.Double(), nullable=False),
        sa.PrimaryKeyConstraint("session", "trial", "question", "revision", name="pk_ratings"),
        sa.UniqueConstraint("session", "trial", "question", "key", name="uq_ratings_session_trial_question_key"),
        sa.ForeignKeyConstraint(
            ["session"], ["sessions.token"], ondelete="CASCADE", name="fk_ratings_session_sessions"
        ),
        sa.CheckConstraint("score BETWEEN 1 AND 5", name=op.f("ck_ratings_score")),
        sa.CheckConstraint("revision >= 1", name=op.f("ck_ratings_revision")),
    )
    op.create_table(
        "preferences",
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("created", sa.Double(), nullable=False),
        sa.Column("content", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("key", name="pk_preferences"),
    )
    op.create_table(
        "outbox",
        sa.Column("boot", sa.String(), nullable=False),
        sa.Column("number", sa.BigInteger(), nullable=False),
        sa.Column("session", sa.String()),
        sa.Column("line", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("boot", "number", name="pk_outbox"),
    )
    op.create_table(
        "journals",
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("sha256", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("name", name="pk_journals"),
    )
    op.create_table(
        "deletions",
        sa.Column("token_sha256", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("token_sha256", name="pk_deletions"),
    )
