"""Several answers about one state of the database."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Engine, event

from canvas_sync_core.store.database import downgrade, upgrade
from canvas_sync_core.store.rollups.errors import ErrorReader, period_before
from canvas_sync_core.store.rollups.reading import Rollups
from canvas_sync_core.store.rollups.series import SeriesReader
from canvas_sync_core.store.rollups.snapshot import RollupSnapshot, open_snapshot
from canvas_sync_core.store.rollups.writing import roll_up
from support.runs import failed, snapshot, write

_NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
_SINCE, _UNTIL = _NOON - timedelta(hours=9), _NOON


@pytest.fixture
def engine(emptied_engine: Engine) -> Engine:
    return emptied_engine


def _end_runs(engine: Engine, name: str) -> None:
    """Write a good run and a bad one of the period, and one of the period before."""
    start = _NOON.timestamp() - 3600
    write(engine, snapshot(name, start_time=start), failed(f"bad {name}", start_time=start))
    write(engine, failed(f"earlier {name}", start_time=start - 10 * 3600))


def _figures(engine: Engine, shared: RollupSnapshot | None) -> tuple[int, ...]:
    """Return numbers of runs, each as another part of a page reads it."""
    errors = ErrorReader(engine)
    series = SeriesReader(engine).read(_SINCE, _UNTIL, zone=UTC, snapshot=shared)
    error_series = errors.series(_SINCE, _UNTIL, snapshot=shared)
    top = errors.top(_SINCE, _UNTIL, 5, shared)
    return (
        sum(point.runs for point in series.series[0].points),
        sum(point.runs for point in error_series.series[0].points),
        top.runs,
        top.items[0].previous_runs,
        Rollups(engine).summary(_SINCE, _UNTIL, shared).runs.total,
        len(Rollups(engine).freshness(_SINCE, _NOON, snapshot=shared).items),
    )


def test_answers_do_not_change_while_runs_end_and_are_rolled_up(engine: Engine) -> None:
    _end_runs(engine, "rolled up")
    roll_up(engine, 600)
    _end_runs(engine, "new")
    expected = _figures(engine, None)
    assert expected[:5] == (4, 2, 2, 2, 4)
    with open_snapshot(engine, period_before(_SINCE, _UNTIL)) as shared:
        assert _figures(engine, shared) == expected
        _end_runs(engine, "late")
        roll_up(engine, 600)
        assert _figures(engine, shared) == expected
    assert _figures(engine, None)[:5] == (6, 3, 3, 3, 6)


def test_new_runs_are_read_once_for_all_answers(engine: Engine) -> None:
    _end_runs(engine, "rolled up")
    roll_up(engine, 600)
    _end_runs(engine, "new")
    statements: list[str] = []

    def note(*given: Any) -> None:
        statements.append(given[2])

    event.listen(engine, "before_cursor_execute", note)
    with open_snapshot(engine, period_before(_SINCE, _UNTIL)) as shared:
        _figures(engine, shared)
    event.remove(engine, "before_cursor_execute", note)
    assert sum("canvas_sync_rollup_changes.run_id IS NOT NULL" in each for each in statements) == 1


def test_there_is_no_snapshot_while_the_rollups_are_incomplete(own_engine: Engine) -> None:
    _end_runs(own_engine, "one")
    roll_up(own_engine, 600)
    downgrade(own_engine, "0010")
    upgrade(own_engine)
    with open_snapshot(own_engine, _SINCE) as shared:
        assert shared is None
    roll_up(own_engine, 600)
    with open_snapshot(own_engine, _SINCE) as shared:
        assert shared is not None
