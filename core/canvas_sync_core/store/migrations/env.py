"""Alembic's entry: runs the migrations on the connection that ``database.upgrade`` hands over."""

from __future__ import annotations

from alembic import context

from canvas_sync_core.store.model import METADATA
from canvas_sync_core.store.schema_version import VERSION_TABLE

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=METADATA,
    version_table=VERSION_TABLE,
)
with context.begin_transaction():
    context.run_migrations()
