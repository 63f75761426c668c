"""A table with many sync types, for queries that must find all of them at once."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Final

import pytest
from sqlalchemy import Engine

from canvas_sync_core.store.database import open_engine

from .plans import preferring_indexes
from .runs import snapshot, write
from .tables import create_tables

__all__ = ["MANY_TYPES", "many_types"]

MANY_TYPES: Final = [f"type-{number:02d}" for number in range(40)]


@pytest.fixture
def many_types(empty_database_url: str) -> Iterator[Engine]:
    """A table with 4 runs of each sync type, one a minute; the newest is called ``<type> 1``."""
    engine = open_engine(preferring_indexes(empty_database_url))
    create_tables(engine)
    now = time.time()
    for age in range(4, 0, -1):
        starts = {"start_time": now - 60 * age}
        write(engine, *(snapshot(f"{name} {age}", sync_type=name, **starts) for name in MANY_TYPES))
    yield engine
    engine.dispose()
