"""Totals, speed and freshness over HTTP."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest

from canvas_sync_core.names import RunStatus
from support.runs import snapshot, write

if TYPE_CHECKING:
    from .conftest import Exporter


def test_a_user_is_summed_up(exporter: Exporter) -> None:
    summary = exporter.api("user/42/summary").json()
    assert summary["user_id"] == 42
    assert summary["runs"]["total"] == 3
    by_status = {str(status): 0 for status in RunStatus}
    by_status |= {"success": 1, "failed": 1, "running": 1}
    assert summary["runs"]["by_status"] == by_status
    assert summary["runs"]["success_rate"] == 0.5
    assert summary["duration"]["max"] == 12.5
    assert summary["last_run"]["sync_task_id"] == "under way"


def test_a_user_without_a_recent_run_is_still_known(exporter: Exporter) -> None:
    write(exporter.engine, snapshot("old", user_id=9, start_time=time.time() - 40 * 86400))
    assert exporter.api("user/9/summary").json()["runs"]["total"] == 0
    assert exporter.api("user/9/summary?days=60").json()["runs"]["total"] == 1


def test_all_runs_are_summed_up_by_status_and_sync_type(exporter: Exporter) -> None:
    summary = exporter.api("summary?days=1").json()
    assert summary["runs"]["total"] == 5
    assert {name: counts["total"] for name, counts in summary["by_sync_type"].items()} == {
        "full": 4,
        "grades": 1,
    }


def test_the_freshest_items_come_first(exporter: Exporter) -> None:
    freshness = exporter.api("freshness?days=30").json()
    assert [(each["sync_type"], each["item"]) for each in freshness["items"]] == [
        ("full", "course"),
        ("grades", "course"),
    ]
    assert 0 < freshness["items"][0]["age_seconds"] < freshness["items"][1]["age_seconds"]


def test_performance_reports_percentiles_and_a_trend_by_day(exporter: Exporter) -> None:
    performance = exporter.api("performance?days=30").json()
    assert performance["duration"]["count"] == 4
    assert performance["duration"]["p99"] == 12.5
    assert performance["api_latency"]["average"] == pytest.approx(0.25)
    assert sum(day["duration"]["count"] for day in performance["trend"]) == 4
