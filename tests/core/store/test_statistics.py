"""Exact statistics over runs, computed by the database."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from sqlalchemy import Engine, select

from canvas_sync_core.sketch import LARGEST
from canvas_sync_core.store.model import metrics_table
from canvas_sync_core.store.statistics import (
    Statistics,
    read_statistics,
    statistics_query,
    sum_of,
)
from support.runs import snapshot, write

_columns = metrics_table.c
_NOON = datetime(2025, 12, 22, 12, tzinfo=UTC).timestamp()


@pytest.fixture
def engine(emptied_engine: Engine) -> Engine:
    return emptied_engine


def _write(engine: Engine, sync_type: str, *durations: float) -> None:
    write(
        engine,
        *(
            snapshot(f"{sync_type}-{n}", start_time=_NOON, sync_type=sync_type, duration=each)
            for n, each in enumerate(durations)
        ),
    )


def test_a_percentile_is_the_value_of_its_rank(engine: Engine) -> None:
    _write(engine, "full", *map(float, range(200, 0, -1)))
    with engine.connect() as connection:
        rows = connection.execute(statistics_query(_columns.duration))
        assert read_statistics(rows) == {"all": Statistics(200, 100.5, 100, 190, 198, 200)}


def test_groups_have_statistics_of_their_own(engine: Engine) -> None:
    _write(engine, "full", 4.0, 2.0, 3.0)
    _write(engine, "grades", 50.0)
    with engine.connect() as connection:
        by = _columns.sync_type
        rows = connection.execute(statistics_query(_columns.duration, _columns.duration > 2, by=by))
        assert read_statistics(rows) == {
            "full": Statistics(2, 3.5, 3, 4, 4, 4),
            "grades": Statistics(1, 50, 50, 50, 50, 50),
        }


def test_values_beyond_the_largest_are_left_out(engine: Engine) -> None:
    _write(engine, "full", LARGEST, LARGEST * 1.01, -LARGEST * 1.01)
    with engine.connect() as connection:
        (found,) = read_statistics(connection.execute(statistics_query(_columns.duration))).values()
    assert (found.count, found.max) == (1, LARGEST)


def test_a_sum_beyond_63_bits_is_not_an_error(engine: Engine) -> None:
    write(engine, *(snapshot(name, api_calls=2**62) for name in "abc"))
    with engine.connect() as connection:
        total = connection.scalar(select(sum_of(_columns.api_calls)))
    assert float(total or 0) == 3 * 2.0**62
