"""A database for what the judge reads and writes."""

from __future__ import annotations

import pytest
from sqlalchemy import Engine


@pytest.fixture
def engine(emptied_engine: Engine) -> Engine:
    """A database without runs, incidents and pauses."""
    return emptied_engine
