"""What is read for the slices of a period."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Engine, event

from canvas_sync_core.store.rollups.series import SeriesReader
from canvas_sync_core.store.rollups.writing import roll_up
from support.runs import snapshot, write

_MIDNIGHT = datetime(2026, 3, 2, tzinfo=UTC)
_UNTIL = timedelta(hours=12, minutes=15)


@pytest.fixture
def engine(emptied_engine: Engine) -> Engine:
    return emptied_engine


def _end(engine: Engine, *hours: float) -> None:
    """Write runs that started so many hours after midnight, and roll them up."""
    starts = [(_MIDNIGHT + timedelta(hours=each)).timestamp() for each in hours]
    write(engine, *(snapshot(f"run {start}", start_time=start) for start in starts))
    roll_up(engine, 600)


def _read(engine: Engine) -> tuple[int, int]:
    """Return the number of runs until noon, and of the statements that read rollups for it."""
    statements: list[str] = []

    def note(*given: Any) -> None:
        statements.append(given[2])

    event.listen(engine, "before_cursor_execute", note)
    series = SeriesReader(engine).read(_MIDNIGHT, _MIDNIGHT + _UNTIL, step="1d", zone=UTC)
    event.remove(engine, "before_cursor_execute", note)
    (point,) = series.series[0].points
    return point.runs, sum("duration_sketch" in each for each in statements)


def test_a_day_that_has_not_ended_is_read_from_its_own_rollup(engine: Engine) -> None:
    _end(engine, 1, 2, 12.1)
    assert _read(engine) == (3, 1)


def test_runs_after_the_end_of_a_period_are_not_counted(engine: Engine) -> None:
    _end(engine, 1, 2, 12.1, 12.3, 20)
    assert _read(engine) == (3, 2)
    with engine.begin() as connection:
        connection.exec_driver_sql("UPDATE canvas_sync_metrics SET duration = 7")
    assert _read(engine)[0] == 3
