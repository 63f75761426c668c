"""A running simulated Canvas; a conftest imports the fixture ``canvas_server`` from here."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from canvas_sync_demo.canvas_server import CanvasServer, SchoolSize

__all__ = ["SMALL_SCHOOL", "canvas_server"]

SMALL_SCHOOL = SchoolSize(
    teachers=3, courses_per_teacher=2, students=20, students_per_course=12, assignments_per_course=9
)
"""Lists of 12, 13 and 108 items: one and several pages at the default page size and at 100."""


@pytest.fixture
def canvas_server() -> Iterator[CanvasServer]:
    """A healthy Canvas; the teachers 41, 42 and 43 have two courses each, from 101 on."""
    with CanvasServer(7, size=SMALL_SCHOOL) as server:
        yield server
