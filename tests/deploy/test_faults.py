"""Twelve faults at once, from the exporter's judge over Prometheus and Alertmanager to Slack."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Any, Final

import pytest
import requests

from canvas_sync_core.events import ErrorInfo, ItemCounts, RunSnapshot
from canvas_sync_core.names import ITEMS, RunStatus
from canvas_sync_core.store.database import open_engine
from support.alert_stack import AlertStack, running_stack
from support.prometheus import eventually
from support.runs import snapshot, write

HOUR: Final = 3600.0


def ended(status: RunStatus, error_type: str, message: str, **changes: Any) -> dict[str, Any]:
    return {"status": status, "error": ErrorInfo(error_type, message), **changes}


NOTHING: Final = {item: ItemCounts() for item in ITEMS}
FAULTS: Final[dict[str, tuple[str, str, dict[str, Any]]]] = {
    "failing": (
        "CanvasSyncFailing",
        "failing sync is failing: KeyError",
        ended(RunStatus.FAILED, "KeyError", "'grader_id'"),
    ),
    "interrupted": (
        "CanvasSyncFailing",
        "interrupted sync is failing: Interrupted",
        ended(RunStatus.INTERRUPTED, "Interrupted", "Process 7 ended"),
    ),
    "partial": (
        "CanvasSyncPartial",
        "partial sync leaves something out: Partial",
        ended(RunStatus.PARTIAL, "Partial", "No access to course 7"),
    ),
    "suspect": (
        "CanvasSyncSuspiciouslyEmpty",
        "suspect sync succeeds but looks wrong: few_items",
        {"items": NOTHING, "api_items": 0, "api_bytes": 4, "api_calls": 2},
    ),
    "refused": (
        "CanvasTokenInvalid",
        "The token is expired",
        ended(
            RunStatus.FAILED,
            "InvalidAccessToken",
            "Expired access token.",
            api_calls=1,
            api_failed=1,
            items=NOTHING,
        ),
    ),
    "throttled": ("CanvasThrottled", "quota", {"api_throttled": 40, "api_failed": 40}),
    "canvas_down": ("CanvasApiFailing", "Canvas responded with errors", {"api_failed": 60}),
    "canvas_slow": ("CanvasApiSlow", "Canvas or the network to it is slow", {"api_seconds": 49.0}),
    "truncated": ("CanvasListTruncated", "did not read all pages", {"api_truncated": 3}),
    "db_failing": ("CanvasSyncDatabaseErrors", "database operations", {"db_failed": 30}),
    "db_slow": ("CanvasSyncDatabaseSlow", "far longer than usual", {"db_seconds": 19.0}),
    "wrong_clock": ("CanvasSyncClockWrong", "clock", {"clock_skew": 2 * HOUR}),
}
"""Sync type -> the alert, a part of its message, and what is different about its newest runs."""


def runs(sync_type: str, changes: dict[str, Any], now: float) -> Iterator[RunSnapshot]:
    """Yield twelve usual runs and then three with the fault, each type with its own Canvas."""
    usual = {
        "user_id": None,
        "sync_type": sync_type,
        "canvas_host": f"{sync_type.replace('_', '-')}.example.edu",
        "api_calls": 100,
        "api_failed": 0,
        "api_throttled": 0,
        "api_retried": 0,
        "api_seconds": 10.0,
        "db_operations": 50,
        "db_seconds": 2.0,
        "items": NOTHING | {"course": ItemCounts(300, 0, 300, 0, 0)},
        "api_items": 300,
        "api_bytes": 30_000,
    }
    starts = [now - hours * HOUR for hours in range(12, 0, -1)]
    faulty = [now - seconds for seconds in (240, 120, 60)]
    for start in starts + faulty:
        times = {"start_time": start, "end_time": start + 20, "duration": 20.0}
        different = changes if start in faulty else {}
        yield snapshot(
            f"{sync_type}-{start:.0f}", **{**usual, **times, "heartbeat": start + 20, **different}
        )


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[AlertStack]:
    """All servers, and an exporter that has found the faults in its table of runs."""
    with running_stack(tmp_path_factory.mktemp("faults")) as servers:
        engine = open_engine(f"sqlite:///{servers.stage.metrics_database}")
        now = time.time()
        for sync_type, (_, _, changes) in FAULTS.items():
            write(engine, *runs(sync_type, changes, now))
        engine.dispose()
        yield servers


def alerts(stack: AlertStack) -> set[str]:
    """Return the names of the alerts that Alertmanager has and does not hold back."""
    found = requests.get(f"{stack.alertmanager}/api/v2/alerts?inhibited=false", timeout=30).json()
    return {each["labels"]["alertname"] for each in found}


def holds(expected: set[str], look: Callable[[], set[str]]) -> Callable[[], bool]:
    return lambda: expected <= look()


def test_each_fault_becomes_its_own_alert(stack: AlertStack) -> None:
    expected = {alert for alert, _, _ in FAULTS.values()}
    eventually(holds(expected, lambda: alerts(stack)), f"alerts {expected}")


def test_slack_gets_each_with_its_cause(stack: AlertStack) -> None:
    missing = {text for _, text, _ in FAULTS.values()}
    while missing:
        for attachment in stack.inbox.next("slack")["attachments"]:
            sent = f"{attachment['title']}\n{attachment['text']}"
            missing = {text for text in missing if text not in sent}
