"""A database for rows that have waited on disk."""

from __future__ import annotations

import pytest
from sqlalchemy import Engine


@pytest.fixture
def engine(emptied_engine: Engine) -> Engine:
    """A database without runs."""
    return emptied_engine
