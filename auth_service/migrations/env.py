"""Alembic's entry: runs the history on the connection that `shared.database.migrations` hands over."""

from alembic import context

from auth_service.domain.models import VERSION_TABLE, Base

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=Base.metadata,
    version_table=VERSION_TABLE,
)
with context.begin_transaction():
    context.run_migrations()
