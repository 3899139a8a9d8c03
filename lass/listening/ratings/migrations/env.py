"""What alembic runs: the steps, over the connection and within the transaction that `database.migrate` hands it."""

from alembic import context

from lass.listening.ratings.schema import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    render_as_batch=True,  # SQLite changes a column by copying the table
)
context.run_migrations()
