"""Fixtures for pytest, discovered through the package's entry point.

Their dependencies are imported only by tests that use them, because every pytest run in an
environment with the package loads this module.
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
    """The clock of ``canvas_sync_recording``: it only moves when a test advances it."""
    from .testing import FixedClock  # noqa: PLC0415 - as said above

    return FixedClock()


@pytest.fixture
def canvas_sync_recording(canvas_sync_clock: FixedClock) -> Iterator[Recording]:
    """Records the test's syncs in memory, at a fixed time, with ids that count from 1."""
    from .testing import recording  # noqa: PLC0415 - as said above

    with recording(canvas_sync_clock) as recorded:
        yield recorded
