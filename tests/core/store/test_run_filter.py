"""Filters of runs: which of them an index serves, and which need the rows."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from canvas_sync_core.store.model import metrics_table
from canvas_sync_core.store.run_filter import RunFilter

_NOON = datetime(2025, 12, 22, 12, tzinfo=UTC)


def _columns_of(condition: object) -> set[str]:
    """Return the columns that a condition compares, but for the start."""
    words = str(condition).replace("(", " ").split()
    return {word.rpartition(".")[2] for word in words if metrics_table.name in word} - {
        "sync_start_time"
    }


@pytest.mark.parametrize(
    ("wanted", "indexed"),
    [
        (RunFilter(), set()),
        (RunFilter(host="a", min_duration=1.0), set()),
        (RunFilter(user_id=7, is_suspect=True, course_id=9, statuses=("failed",)), {"user_id"}),
        (RunFilter(is_suspect=True, course_id=9, error_type="E"), {"suspect"}),
        (RunFilter(course_id=9, error_type="E", sync_types=("full",)), {"course_id"}),
        (RunFilter(error_type="E", statuses=("failed",), sync_types=("full",)), {"error_type"}),
        (RunFilter(statuses=("failed",), sync_types=("full",)), {"sync_status"}),
        (RunFilter(statuses=("failed", "success"), sync_types=("full",)), {"sync_type"}),
        (RunFilter(statuses=("success",)), {"sync_status"}),
    ],
)
def test_the_most_selective_filter_chooses_the_index(wanted: RunFilter, indexed: set[str]) -> None:
    assert set().union(*map(_columns_of, wanted.indexed())) == indexed


def test_each_value_of_a_filter_is_an_alternative_that_an_index_serves() -> None:
    assert len(RunFilter(statuses=("failed", "partial", "running")).indexed()) == 3
    assert len(RunFilter(user_id=7, statuses=("failed", "partial")).indexed()) == 1


@pytest.mark.parametrize(
    ("wanted", "remaining"),
    [
        (RunFilter(since=_NOON, until=_NOON), None),
        (RunFilter(user_id=7), None),
        (RunFilter(user_id=7, statuses=("failed", "partial")), {"sync_status"}),
        (RunFilter(host="a"), {"host"}),
        (RunFilter(min_duration=0.0), {"duration"}),
        (RunFilter(max_duration=0.0), {"duration"}),
    ],
)
def test_the_other_filters_remain(wanted: RunFilter, remaining: set[str] | None) -> None:
    condition = wanted.remaining()
    assert (None if condition is None else _columns_of(condition)) == remaining


@pytest.mark.parametrize(
    "wanted",
    [
        RunFilter(user_id=0),
        RunFilter(course_id=0),
        RunFilter(host=""),
        RunFilter(min_duration=0.0),
        RunFilter(max_duration=0.0),
        RunFilter(is_suspect=True),
    ],
)
def test_rollups_do_not_know_users_courses_hosts_durations_and_suspects(wanted: RunFilter) -> None:
    assert wanted.needs_rows


def test_rollups_know_statuses_sync_types_errors_and_the_time() -> None:
    wanted = RunFilter(("failed",), ("full",), error_type="E", since=_NOON, until=_NOON)
    assert not wanted.needs_rows
    assert not RunFilter().needs_rows


@pytest.mark.parametrize(
    ("wanted", "matches"),
    [
        (RunFilter(), True),
        (RunFilter(statuses=("failed", "partial")), True),
        (RunFilter(statuses=("success",)), False),
        (RunFilter(sync_types=("full", "grades")), True),
        (RunFilter(sync_types=("grades",)), False),
        (RunFilter(error_type="HTTPError"), True),
        (RunFilter(error_type="Timeout"), False),
        (RunFilter(("success",), ("full",), error_type="HTTPError"), False),
        (RunFilter(("failed",), ("full",), error_type="HTTPError"), True),
    ],
)
def test_a_group_of_runs_meets_each_filter_of_its_values(wanted: RunFilter, matches: bool) -> None:
    assert wanted.matches("failed", "full", "HTTPError") is matches


def test_runs_without_an_error_meet_no_filter_of_errors() -> None:
    assert not RunFilter(error_type="Timeout").matches("success", "full", None)
    assert RunFilter().matches("success", "full", None)
