"""The errors that ended runs, over HTTP."""

from __future__ import annotations

import csv
import io
from typing import TYPE_CHECKING

import pytest

from support.runs import failed, write

if TYPE_CHECKING:
    from .conftest import Exporter


def test_the_most_frequent_errors_come_first(exporter: Exporter) -> None:
    write(exporter.engine, failed("again", sync_type="grades"))
    top = exporter.api("errors/top?days=1").json()
    (error,) = top["items"]
    assert (error["error_type"], error["runs"], top["runs"]) == ("TimeoutError", 2, 2)
    assert error["by_sync_type"] == {"full": 1, "grades": 1}
    assert (error["previous_runs"], error["last_task_id"]) == (0, "again")
    assert error["last_message"] == "Canvas did not answer"
    assert exporter.api("errors/top?from=2020-01-01&to=2020-02-01").json()["items"] == []


@pytest.mark.parametrize("zone", ["UTC", "America/New_York"])
def test_a_period_that_starts_with_the_calendar_has_no_runs_before_it(
    exporter: Exporter, zone: str
) -> None:
    top = exporter.api(f"errors/top?from=0001-01-01&tz={zone}").json()
    assert [(each["runs"], each["previous_runs"]) for each in top["items"]] == [(1, 0)]


def test_errors_come_as_csv(exporter: Exporter) -> None:
    (row,) = csv.DictReader(io.StringIO(exporter.api("errors/top?format=csv").text))
    assert (row["error_type"], row["by_sync_type"]) == ("TimeoutError", '{"full":1}')


def test_errors_are_counted_over_time(exporter: Exporter) -> None:
    series = exporter.api("errors/series?from=2d&step=1h").json()
    assert series["step"] == "1h"
    (only,) = series["series"]
    assert only["name"] == "TimeoutError"
    assert sum(point["runs"] for point in only["points"]) == 1
    assert len(only["points"]) in (48, 49)


@pytest.mark.parametrize(
    ("path", "field"),
    [
        ("errors/top?limit=0", "limit"),
        ("errors/top?days=2&from=1h", "days"),
        ("errors/series?step=15m&days=300", "step"),
        ("errors/series?by=status", "by"),
    ],
)
def test_a_wrong_parameter_is_named(exporter: Exporter, path: str, field: str) -> None:
    write(exporter.engine, failed("old", start_time=1_600_000_000))
    answer = exporter.api(path)
    assert answer.status_code == 422
    assert [error["field"] for error in answer.json()["errors"]] == [field]
