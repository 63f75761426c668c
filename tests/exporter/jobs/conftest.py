"""Settings of an exporter that soon takes a run for interrupted, and its database."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine

from canvas_sync_core.store.database import open_engine
from canvas_sync_exporter.settings import Configuration, configuration
from support.tables import create_tables


@pytest.fixture
def config(tmp_path: Path) -> Configuration:
    return configuration(
        {
            "CANVAS_SYNC_LOG_DIR": str(tmp_path / "logs"),
            "CANVAS_SYNC_HEARTBEAT_SECONDS": "0.1",
            "CANVAS_SYNC_INTERRUPTED_AFTER_SECONDS": "0.4",
        }
    )


@pytest.fixture
def engine(config: Configuration) -> Iterator[Engine]:
    engine = open_engine(config.app.resolved_database_url)
    create_tables(engine)
    yield engine
    engine.dispose()
