"""Alembic's entry: runs the migrations on the connection that ``database.upgrade`` hands over."""

from __future__ import annotations

from alembic import context

from canvas_sync_instrumentation.storage.database import VERSION_TABLE
from canvas_sync_instrumentation.storage.model import METADATA

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=METADATA,
    version_table=VERSION_TABLE,
)
with context.begin_transaction():
    context.run_migrations()
