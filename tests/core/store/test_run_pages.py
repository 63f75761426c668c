"""Lists of runs are read page by page, whatever selects them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import Engine, func, select

from canvas_sync_core.store.model import metrics_table
from canvas_sync_core.store.run_pages import RunList, in_period
from support.runs import snapshot, write

_columns = metrics_table.c
_NOON = datetime(2025, 12, 22, 12, tzinfo=UTC)
_HOUR = timedelta(hours=1)


@pytest.fixture
def engine(emptied_engine: Engine) -> Engine:
    return emptied_engine


@pytest.mark.parametrize(
    ("sync_types", "expected"),
    [
        ((), ["e", "d", "c", "b", "a"]),
        (("full",), ["d", "a"]),
        (("full", "grades"), ["e", "d", "b", "a"]),
        (("full", "grades", "users"), ["e", "d", "c", "b", "a"]),
    ],
)
@pytest.mark.parametrize("limit", [1, 2, 5])
def test_runs_of_any_number_of_alternatives_come_newest_first(
    engine: Engine, sync_types: tuple[str, ...], expected: list[str], limit: int
) -> None:
    """Two of them began at the same time: the one with the larger number comes first."""
    kinds = {"a": ("full", 0), "b": ("grades", 1), "c": ("users", 2), "d": ("full", 3)}
    for name, (kind, hours) in (kinds | {"e": ("grades", 3)}).items():
        start = (_NOON + hours * _HOUR).timestamp()
        write(engine, snapshot(name, sync_type=kind, start_time=start))
    runs = RunList(*(_columns.sync_type == name for name in sync_types))
    found: list[str] = []
    cursor, pages = None, 0
    with engine.connect() as connection:
        while cursor is not None or not pages:
            page = runs.page(connection, limit, cursor)
            assert len(page.items) <= limit
            found += [run.sync_task_id for run in page.items]
            cursor, pages = page.next, pages + 1
    assert (found, pages) == (expected, -(-len(expected) // limit))


@pytest.mark.parametrize(
    ("since", "until", "count"), [(None, None, 3), (1, None, 2), (None, 1, 1), (1, 2, 1), (2, 1, 0)]
)
def test_a_period_includes_its_start_but_not_its_end(
    engine: Engine, since: int | None, until: int | None, count: int
) -> None:
    starts = [_NOON + number * _HOUR for number in range(3)]
    write(engine, *(snapshot(f"{n}", start_time=each.timestamp()) for n, each in enumerate(starts)))
    period = in_period(
        None if since is None else starts[since], None if until is None else starts[until]
    )
    with engine.connect() as connection:
        assert connection.scalar(select(func.count(_columns.id)).where(period)) == count
