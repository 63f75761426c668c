"""A school that sends messages."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import Engine

from support.messaging_school import School
from support.receiver import receiver


@pytest.fixture
def school(emptied_engine: Engine, tmp_path: Path) -> Iterator[School]:
    """A school without incidents."""
    with receiver() as received, closing(School(emptied_engine, tmp_path, received)) as school:
        yield school
