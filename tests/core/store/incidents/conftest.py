"""A database for incidents."""

from __future__ import annotations

import pytest
from sqlalchemy import Engine


@pytest.fixture
def engine(emptied_engine: Engine) -> Engine:
    """A database without incidents."""
    return emptied_engine
