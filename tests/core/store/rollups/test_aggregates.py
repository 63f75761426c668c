"""Aggregates of runs, and what odd rows that SQL by hand wrote add to them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from types import MappingProxyType
from typing import Any

import pytest

from canvas_sync_core.names import ITEMS
from canvas_sync_core.schema.run_fields import item_column
from canvas_sync_core.store.rollups.aggregates import (
    MEASURES,
    SUMMED,
    Aggregate,
    add_up,
    gather,
    later,
    merge,
)

_NOON = datetime(2025, 12, 22, 12, tzinfo=UTC)
_HOUR = timedelta(hours=1)


def _row(
    start: datetime = _NOON,
    group: tuple[str, str] = ("full", "success"),
    end: datetime | None = _NOON,
    error: str | None = None,
    *,
    measures: tuple[Any, ...] = (1.0, 2.0, 3.0),
    sums: Mapping[str, Any] = MappingProxyType({}),
) -> tuple[Any, ...]:
    assert len(measures) == len(MEASURES)
    return start, *group, end, error, *measures, *(sums.get(name, 0) for name in SUMMED)


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        (None, None, None),
        (_NOON, None, _NOON),
        (None, _NOON, _NOON),
        (_NOON, _NOON + _HOUR, _NOON + _HOUR),
        (_NOON + _HOUR, _NOON, _NOON + _HOUR),
    ],
)
def test_the_later_of_two_times_wins_over_none(
    one: datetime | None, other: datetime | None, expected: datetime | None
) -> None:
    assert later(one, other) == expected


def test_runs_are_grouped_by_place_sync_type_and_status() -> None:
    rows = [
        _row(),
        _row(_NOON + _HOUR, ("full", "failed"), error="HTTPError"),
        _row(_NOON + _HOUR, ("full", "failed"), error="HTTPError"),
        _row(_NOON + _HOUR, ("grades", "failed"), error="Timeout"),
    ]
    found = gather(rows, lambda start: start.hour)
    counts = {hour: {group: each.runs for group, each in found[hour].items()} for hour in found}
    assert counts == {
        12: {("full", "success"): 1},
        13: {("full", "failed"): 2, ("grades", "failed"): 1},
    }
    assert found[12]["full", "success"].errors == Counter()
    assert found[13]["full", "failed"].errors == Counter(HTTPError=2)
    assert add_up([]) == {}


def test_the_latest_end_counts_for_the_items_that_a_run_handled() -> None:
    columns = [item_column(item, "processed") for item in ITEMS]
    rows = [
        _row(end=_NOON + _HOUR, sums={columns[0]: 1}),
        _row(end=_NOON + 3 * _HOUR, sums={columns[1]: 1}),
        _row(end=_NOON, sums={columns[0]: 1}),
        _row(end=None, sums={columns[0]: 1}),
    ]
    found = add_up(rows)["full", "success"].newest
    assert found == [_NOON + _HOUR, _NOON + 3 * _HOUR, *[None] * (len(ITEMS) - 2)]


@pytest.mark.parametrize("odd", ["x", None, 2.5])
def test_values_that_are_not_integers_are_added_as_far_as_they_can_be_read(odd: Any) -> None:
    rows = [_row(sums={"api_calls": 3}), _row(sums={"api_calls": odd})]
    found = add_up(rows)["full", "success"]
    assert found.sums[SUMMED.index("api_calls")] == 3 + (2 if odd == 2.5 else 0)


def test_measures_that_are_unknown_are_left_out() -> None:
    rows = [_row(measures=(1.0, None, 4)), _row(measures=(None, None, 5)), _row(measures=(2, 1, 6))]
    duration, latency, db_time = add_up(rows)["full", "success"].measures.values()
    assert (duration.count, duration.total) == (2, 3.0)
    assert (latency.count, latency.total) == (1, 1.0)
    assert (db_time.count, db_time.total) == (3, 15.0)


def test_merging_groups_leaves_the_added_ones_unchanged() -> None:
    one, other = add_up([_row(error="A")]), add_up([_row(error="A"), _row(group=("b", "failed"))])
    merge(one, other)
    merge(one, other)
    assert {group: each.runs for group, each in one.items()} == {
        ("full", "success"): 3,
        ("b", "failed"): 2,
    }
    assert one["full", "success"].errors == Counter(A=3)
    assert other["full", "success"].runs == 1


@pytest.mark.parametrize(("one", "other"), [(None, Counter("a")), (Counter("a"), None)])
def test_unknown_errors_stay_unknown(one: Counter[str] | None, other: Counter[str] | None) -> None:
    aggregate = Aggregate(errors=one)
    aggregate.merge(Aggregate(errors=other))
    assert aggregate.errors is None
    aggregate.add_columns(list(zip(_row(error="A"), strict=True)))
    assert aggregate.errors is None
