"""Alembic's entry: the connection and its transaction come from `shared.database.migrations`."""

from alembic import context

from booking_service.domain.models import VERSION_TABLE, Base

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=Base.metadata,
    version_table=VERSION_TABLE,
    compare_type=True,
    # Another service's tables may live in the same database.
    include_name=lambda name, kind, _parents: kind != "table" or name in Base.metadata.tables,
)
with context.begin_transaction():
    context.run_migrations()
