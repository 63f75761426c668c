"""Alembic migrations of the ``canvas_sync_metrics`` table."""
