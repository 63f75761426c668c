"""Fixtures for pytest, which finds them by the entry point of the package.

What they are made of is imported by the tests that ask for them: every run of pytest in an
environment that has the package loads this module.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from .testing import FixedClock, Recording

__all__ = ["canvas_sync_clock", "canvas_sync_recording"]


@pytest.fixture
def canvas_sync_clock() -> FixedClock:
    """The clock of ``canvas_sync_recording``: it stands still until a test moves it."""
    from .testing import FixedClock  # noqa: PLC0415 - as said above

    return FixedClock()


@pytest.fixture
def canvas_sync_recording(canvas_sync_clock: FixedClock) -> Iterator[Recording]:
    """What the test's syncs record: in memory, at a fixed time, with ids that count from 1."""
    from .testing import recording  # noqa: PLC0415 - as said above

    with recording(canvas_sync_clock) as recorded:
        yield recorded
