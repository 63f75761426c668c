"""Figures of runs, added up by sync type and as a whole."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from canvas_sync_core.names import ITEMS
from canvas_sync_core.schema.run_fields import item_column
from canvas_sync_core.store.rollups.aggregates import SUMMED, Aggregate
from canvas_sync_exporter.messages.content import Status
from canvas_sync_exporter.messages.reports.figures import (
    Counts,
    by_sync_type,
    counts_by_sync_type,
    merged,
    status_of_share,
    total_counts,
    total_figures,
)

EARLIER, LATER = datetime(2026, 3, 1, tzinfo=UTC), datetime(2026, 3, 2, tzinfo=UTC)


def aggregate(
    runs: int, *, duration: float = 60.0, end: datetime = LATER, **sums: Any
) -> Aggregate:
    """Some runs that took the same time, with sums by column."""
    made = Aggregate(runs=runs, newest=[end, *[None] * (len(ITEMS) - 1)])
    made.sums = [sums.get(column, 0) for column in SUMMED]
    made.measures["duration"].add([duration] * runs)
    return made


@pytest.mark.parametrize(
    ("share", "status"),
    [
        (None, Status.NEUTRAL),
        (1.0, Status.GOOD),
        (0.99, Status.GOOD),
        (0.98, Status.WARNING),
        (0.5, Status.WARNING),
        (0.49, Status.CRITICAL),
    ],
)
def test_a_success_rate_is_judged(share: float | None, status: Status) -> None:
    assert status_of_share(share) is status


def test_runs_that_did_not_do_all_their_work_are_failures_but_not_those_cancelled() -> None:
    statuses = ("success", "failed", "partial", "interrupted", "cancelled")
    counts = Counts(dict.fromkeys(statuses, 1))

    assert (counts.runs, counts.succeeded, counts.failures) == (5, 1, 3)
    assert counts.success_rate == 0.2
    assert Counts({}).success_rate is None


def test_counts_are_added_up_by_sync_type_in_alphabetical_order() -> None:
    counts = {("incremental", "success"): 5, ("full", "success"): 1, ("full", "failed"): 2}

    found = counts_by_sync_type(counts)
    assert list(found) == ["full", "incremental"]
    assert found["full"].by_status == {"success": 1, "failed": 2}
    assert total_counts(counts).by_status == {"success": 6, "failed": 2}


def test_durations_and_arrivals_are_those_of_successes_and_sums_those_of_all_runs() -> None:
    courses = item_column(ITEMS[0], "processed")
    groups = {
        ("full", "success"): aggregate(2, duration=60.0, end=EARLIER, **{courses: 7}),
        ("full", "failed"): aggregate(1, duration=1.0, end=LATER, **{courses: 1}, api_calls=4),
    }
    figures = by_sync_type(groups)["full"]

    assert figures.counts.by_status == {"success": 2, "failed": 1}
    assert figures.durations.count == 2
    assert figures.measure("duration").count == 3
    assert figures.newest == {ITEMS[0]: EARLIER}
    assert (figures.items, figures.sum_of("api_calls")) == (8, 4)


def test_a_sync_type_without_a_success_has_no_durations_and_no_arrivals() -> None:
    figures = by_sync_type({("full", "failed"): aggregate(1)})["full"]
    assert (figures.durations.count, figures.newest) == (0, {})


def test_periods_and_sync_types_are_added_up_without_changing_the_parts() -> None:
    first = {("full", "success"): aggregate(1), ("incremental", "success"): aggregate(4)}
    second = {("full", "success"): aggregate(2)}

    assert total_figures(merged([first, second])).counts.by_status == {"success": 7}
    assert first["full", "success"].runs == 1
