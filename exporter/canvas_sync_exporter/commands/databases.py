"""The database of the runs, for commands that read it without the exporter."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import Engine

from canvas_sync_core.errors import StorageError
from canvas_sync_core.store.database import check_schema, open_engine
from canvas_sync_exporter.settings import Configuration

from .storage_failures import storage_failures

__all__ = ["reading_database"]


@contextmanager
def reading_database(config: Configuration) -> Iterator[Engine]:
    """Open the database for reading; unlike the exporter, do not create it.

    Raises:
        SettingsError: Its URL cannot be used.
        StorageError: It is missing, cannot be reached, or is of another version.
    """
    engine = open_engine(config.app.resolved_database_url)
    try:
        if engine.name == "sqlite" and not Path(str(engine.url.database)).exists():
            raise StorageError(
                f"There is no database {engine.url.database}. No sync has run here, or its "
                "settings are different: run this with the environment of the syncs."
            )
        with storage_failures():
            check_schema(engine)
            yield engine
    finally:
        engine.dispose()
