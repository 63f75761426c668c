"""The version of the tables that this program needs."""

from __future__ import annotations

from typing import Final

__all__ = ["SCHEMA_VERSION", "VERSION_TABLE"]

SCHEMA_VERSION: Final = "0011"
"""The newest revision in ``migrations/versions``; revisions sort by name."""
VERSION_TABLE: Final = "canvas_sync_alembic_version"
"""Our own version table, so that we do not interfere with the app's Alembic."""
