"""Takes the tables back to what an older version left."""

from __future__ import annotations

from pathlib import Path

from alembic import command
from alembic.config import Config
from sqlalchemy import Engine

from canvas_sync_core.store import database

__all__ = ["downgrade"]


def downgrade(engine: Engine, version: str) -> None:
    """Undo the migrations that came after a version."""
    config = Config()
    folder = Path(database.__file__).parent / "migrations"
    config.set_main_option("script_location", str(folder).replace("%", "%%"))
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        command.downgrade(config, version)
