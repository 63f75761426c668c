"""Figures over time, over HTTP."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any

import pytest

from canvas_sync_core.store.rollups.writing import roll_up
from support.runs import failed, snapshot, write

if TYPE_CHECKING:
    from .conftest import Exporter

DAY = dt.datetime(2026, 3, 28, tzinfo=dt.UTC).timestamp()


@pytest.fixture(scope="module")
def history(shared_exporter: Exporter) -> None:
    """A run every twelve hours from the 28th of March, of which every fourth failed."""
    for number in range(8):
        make = failed if number % 4 == 3 else snapshot
        kind = "full" if number % 2 else "grades"
        start = DAY + 43_200 * number
        write(
            shared_exporter.engine,
            make(f"h{number}", start_time=start, sync_type=kind, duration=60.0),
        )
    roll_up(shared_exporter.engine, 600)


def _series(exporter: Exporter, query: str) -> dict[str, Any]:
    answer = exporter.api(f"series?{query}")
    assert answer.status_code == 200, answer.text
    body: dict[str, Any] = answer.json()
    return body


@pytest.mark.usefixtures("history")
def test_each_point_has_the_figures_of_the_runs_in_its_part(shared_exporter: Exporter) -> None:
    series = _series(shared_exporter, "from=2026-03-28&to=2026-04-01&step=1d")
    assert (series["since"], series["until"]) == ("2026-03-28T00:00:00Z", "2026-04-01T00:00:00Z")
    assert (series["step"], series["by"]) == ("1d", "all")
    (only,) = series["series"]
    assert only["name"] == "all"
    assert [point["runs"] for point in only["points"]] == [2, 2, 2, 2]
    point = only["points"][1]
    assert point["start"] == "2026-03-29T00:00:00Z"
    assert point["by_status"] == {"failed": 1, "success": 1}
    assert (point["duration"]["count"], point["duration"]["max"]) == (2, 60.0)
    assert (point["api_calls"], point["items"]["courses"]) == (20, 6)


@pytest.mark.usefixtures("history")
def test_a_part_without_runs_has_a_point_too(shared_exporter: Exporter) -> None:
    points = _series(shared_exporter, "from=2026-03-28&to=2026-03-30&step=6h")["series"][0][
        "points"
    ]
    assert [point["runs"] for point in points] == [1, 0, 1, 0, 1, 0, 1, 0]
    assert (points[1]["duration"]["count"], points[1]["duration"]["p50"]) == (0, None)


@pytest.mark.usefixtures("history")
@pytest.mark.parametrize(
    ("by", "runs"),
    [
        ("sync_type", {"full": [1, 1], "grades": [1, 1]}),
        ("status", {"failed": [0, 1], "success": [2, 1]}),
    ],
)
def test_there_is_a_series_for_each_sync_type_or_status(
    shared_exporter: Exporter, by: str, runs: dict[str, list[int]]
) -> None:
    series = _series(shared_exporter, f"from=2026-03-28&to=2026-03-30&step=1d&by={by}")["series"]
    found = {each["name"]: [point["runs"] for point in each["points"]] for each in series}
    assert found == runs


@pytest.mark.usefixtures("history")
def test_days_are_those_of_the_time_zone_when_clocks_change(shared_exporter: Exporter) -> None:
    query = "from=2026-03-28&to=2026-03-31&step=1d&tz=Europe/Berlin"
    points = _series(shared_exporter, query)["series"][0]["points"]
    assert [point["start"] for point in points] == [
        "2026-03-27T23:00:00Z",
        "2026-03-28T23:00:00Z",
        "2026-03-29T22:00:00Z",
    ]


@pytest.mark.usefixtures("history")
@pytest.mark.parametrize(
    ("query", "step"),
    [
        ("from=2026-03-28&to=2026-03-29", "15m"),
        ("from=2026-03-28&to=2026-04-04", "1h"),
        ("from=2026-03-28&to=2026-08-28", "1d"),
    ],
)
def test_by_default_there_are_at_most_200_points(
    shared_exporter: Exporter, query: str, step: str
) -> None:
    series = _series(shared_exporter, query)
    assert series["step"] == step
    points = series["series"][0]["points"]
    assert len(points) <= 200
    assert sum(point["runs"] for point in points) >= 2


@pytest.mark.usefixtures("history")
def test_no_points_are_in_the_future_or_before_ten_years_without_runs(
    shared_exporter: Exporter,
) -> None:
    series = _series(shared_exporter, "from=0001-01-01&to=9999-12-31")
    since, until = (dt.datetime.fromisoformat(series[name]) for name in ("since", "until"))
    assert until <= dt.datetime.now(dt.UTC) + dt.timedelta(days=1)
    assert until - since == dt.timedelta(days=3660)
    assert sum(point["runs"] for point in series["series"][0]["points"]) == 12
    assert (
        len(_series(shared_exporter, "from=8000-01-01&to=9999-12-31")["series"][0]["points"]) == 1
    )


def test_a_run_that_has_just_ended_is_in_the_series(exporter: Exporter) -> None:
    before = sum(p["runs"] for p in _series(exporter, "days=1")["series"][0]["points"])
    write(exporter.engine, snapshot("new"))
    after = sum(p["runs"] for p in _series(exporter, "days=1")["series"][0]["points"])
    assert (before, after) == (4, 5)


@pytest.mark.usefixtures("history")
@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("step=15m&from=2026-03-28&to=2026-06-28", "step"),
        ("step=5m", "step"),
        ("step=1.5h", "step"),
        ("by=user", "by"),
        ("from=1h&days=2", "days"),
        ("from=1h&to=2h", "to"),
        ("limit=5", "limit"),
    ],
)
def test_a_wrong_parameter_is_named(shared_exporter: Exporter, query: str, field: str) -> None:
    answer = shared_exporter.api(f"series?{query}")
    assert answer.status_code == 422
    assert [error["field"] for error in answer.json()["errors"]] == [field]
