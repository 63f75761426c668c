"""Databases for tests that must hold on SQLite and on PostgreSQL alike."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine

from canvas_sync_core.store.database import open_engine, upgrade

__all__ = ["empty_database_url", "engine"]


@pytest.fixture(params=["sqlite", "postgresql"])
def empty_database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """A database without the table."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'state' / 'canvas_sync.sqlite3'}"
    url: str = request.getfixturevalue("postgresql_url")
    return url


@pytest.fixture
def engine(empty_database_url: str) -> Iterator[Engine]:
    """A database with the table, empty."""
    engine = open_engine(empty_database_url)
    upgrade(engine)
    yield engine
    engine.dispose()
