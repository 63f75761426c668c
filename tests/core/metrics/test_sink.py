"""Events become metrics."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from msgspec import structs

from canvas_sync_core.canvas._route_table import templates
from canvas_sync_core.events import (
    DbOperation,
    ErrorInfo,
    ErrorRecorded,
    Event,
    GuardWaited,
    Heartbeat,
    ItemCounts,
    ItemsRecorded,
    ListTruncated,
    LogsCleaned,
    Progressed,
    RunEnded,
    RunSuspected,
    ServerTime,
)
from canvas_sync_core.metrics import _file_upkeep, read_exemplars
from canvas_sync_core.metrics.sink import MetricsSink
from canvas_sync_core.names import (
    ITEM_ACTIONS,
    RunStatus,
)
from canvas_sync_core.schema.metrics import METRICS, MetricName, MetricType
from canvas_sync_exporter.collectors.sync_processes import SyncProcessCollector
from canvas_sync_exporter.collectors.tokens import read_token_quotas
from support.metric_events import (
    ROUTE,
    api_call,
    context,
    ended,
    served,
    served_metrics_of_syncs,
    started,
)
from support.metric_processes import samples
from support.runs import snapshot

EVENTS: tuple[Event, ...] = (
    started("task", 1.7e9),
    api_call(token="3f2a91c0", auth_failure="forbidden", is_page=True, throttled=True),
    api_call(
        cost=0.5,
        rate_limit_remaining=600.0,
        retries=1,
        backoff=1.5,
        received_items=100,
        received_bytes=4096,
        server_time=ServerTime(0.003, 0.01, 0.002, 0.008),
        clock_skew=0.2,
        token="3f2a91c0",
    ),
    DbOperation(context(), 1.7e9, 0.1, "INSERT", "courses"),
    ErrorRecorded(context(), 1.7e9, "api", ErrorInfo("timeout", "No answer")),
    GuardWaited(context(), 1.7e9, 0.8, "3f2a91c0"),
    ItemsRecorded(context(), 1.7e9, "course", ItemCounts(processed=1, created=1)),
    ListTruncated(context(), 1.7e9, ROUTE, 1),
    LogsCleaned(1.7e9, 1.5, files=3, archives_deleted=1, reclaimed_bytes=4096, error=None),
    RunSuspected(context(), 1.7e9, ("few_items",), "few_items: 1"),
    RunEnded(
        context(),
        1.7e9,
        structs.replace(snapshot("task"), items={"course": ItemCounts(processed=1)}),
    ),
    started("next", 1.7e9),
)
"""Together they change every metric of a sync."""


def test_each_metric_of_a_sync_is_counted_with_a_value_for_each_label(
    sink: MetricsSink, tmp_path: Path
) -> None:
    for event in EVENTS:
        sink.handle(event)
    sink.count_record("operations", "INFO")
    sink.count_dropped("log", "disk_full")
    sink.flush(1.0)

    values = samples(SyncProcessCollector(tmp_path))
    counted = {re.split("[{ ]", sample)[0] for sample, value in values.items() if value}
    wanted = {
        f"{name}_count" if METRICS[name].type is MetricType.HISTOGRAM else str(name)
        for name in served_metrics_of_syncs()
    }
    assert wanted - counted == set()


def test_a_run_is_shown_while_it_runs_and_counted_when_it_ends(
    sink: MetricsSink, tmp_path: Path
) -> None:
    """Two runs overlap; the oldest start moves on and is gone with the last of them."""
    sink.handle(started("one", 100.0))
    sink.handle(started("two", 200.0))
    in_progress, oldest = MetricName.RUNS_IN_PROGRESS, MetricName.RUN_OLDEST_START
    full = '{sync_type="full"}'
    assert served(tmp_path, in_progress) == {full: 2.0}
    assert served(tmp_path, oldest) == {full: 100.0}
    sink.handle(ended("one", 300.0))
    assert served(tmp_path, oldest) == {full: 200.0}
    sink.handle(ended("two", 400.0, RunStatus.FAILED))
    assert served(tmp_path, in_progress, zeros=True) == {full: 0.0}
    assert served(tmp_path, oldest, zeros=True) == {}
    assert served(tmp_path, MetricName.LAST_RUN) == {full: 400.0}
    assert served(tmp_path, MetricName.LAST_SUCCESS) == {full: 300.0}
    fresh = {'{item="course",sync_type="full"}': 300.0}
    assert served(tmp_path, MetricName.ITEM_LAST_SUCCESS) == fresh
    assert served(tmp_path, MetricName.RUNS) == {
        '{status="success",sync_type="full"}': 1.0,
        '{status="failed",sync_type="full"}': 1.0,
    }


def test_the_end_of_a_run_that_began_elsewhere_does_not_go_below_zero(
    sink: MetricsSink, tmp_path: Path
) -> None:
    """A run that the parent began before a fork is not this process's to take off."""
    sink.handle(ended("parents", 300.0))
    assert served(tmp_path, MetricName.RUNS_IN_PROGRESS, zeros=True) == {}
    assert served(tmp_path, MetricName.RUNS) == {'{status="success",sync_type="full"}': 1.0}


def test_items_are_counted_by_what_was_done(sink: MetricsSink, tmp_path: Path) -> None:
    """Each item is in one action, ``processed`` when the app did not say which."""
    counts = ItemCounts(processed=15, created=1, updated=2, unchanged=3, failed=4)
    sink.handle(ItemsRecorded(context(), 1.7e9, "grade", counts))
    sink.handle(ItemsRecorded(context(), 1.7e9, "grade", ItemCounts(processed=7, created=7)))
    expected = {"created": 8, "updated": 2, "unchanged": 3, "failed": 4, "processed": 5}
    assert served(tmp_path, MetricName.ITEMS) == {
        f'{{action="{action}",item="grade",sync_type="full"}}': count
        for action, count in expected.items()
    }
    assert set(expected) == set(ITEM_ACTIONS)


def test_an_api_call_updates_all_its_metrics(sink: MetricsSink, tmp_path: Path) -> None:
    """A throttled retry of a page, with cost and remaining quota."""
    sink.handle(
        api_call(
            status_code=429,
            throttled=True,
            retries=1,
            backoff=2.5,
            cost=0.75,
            rate_limit_remaining=13.5,
            is_page=True,
            received_items=37,
            received_bytes=4711,
        )
    )
    route = f'{{route="{ROUTE}"}}'
    labels = f'method="GET",route="{ROUTE}"'
    duration = MetricName.API_REQUEST_DURATION
    values = samples(SyncProcessCollector(tmp_path))
    assert served(tmp_path, MetricName.API_REQUESTS) == {f'{{{labels},status_code="429"}}': 1.0}
    assert values[f'{duration}_bucket{{le="0.1",{labels}}}'] == 0.0
    assert values[f'{duration}_bucket{{le="0.25",{labels}}}'] == 1.0
    assert values[f"{duration}_sum{{{labels}}}"] == 0.2
    assert values[MetricName.API_REQUEST_COST + route] == 0.75
    assert values[MetricName.API_THROTTLED + route] == 1.0
    assert values[MetricName.API_RETRIES + route] == 1.0
    assert values[MetricName.API_BACKOFF + route] == 2.5
    assert values[MetricName.API_PAGES + route] == 1.0
    assert values[MetricName.API_RECEIVED_ITEMS + route] == 37.0
    assert values[MetricName.API_RECEIVED_BYTES + route] == 4711.0
    assert values[MetricName.API_TRUNCATED_LISTS + route] == 0.0
    assert values[MetricName.API_RATE_LIMIT_REMAINING] == 13.5


def test_a_call_without_an_answer_is_counted_by_its_error_class(
    sink: MetricsSink, tmp_path: Path
) -> None:
    """Timeout and lost connection stand where the status code would."""
    for error_class in ("timeout", "timeout", "connection"):
        sink.handle(api_call(context=None, status_code=None, error_class=error_class))
    labels = f'method="GET",route="{ROUTE}"'
    assert served(tmp_path, MetricName.API_REQUESTS) == {
        f'{{{labels},status_code="timeout"}}': 2.0,
        f'{{{labels},status_code="connection"}}': 1.0,
    }


@pytest.mark.parametrize("cost", [float("nan"), float("inf"), -1.0])
def test_a_cost_that_makes_no_sense_is_left_out(
    sink: MetricsSink, tmp_path: Path, cost: float
) -> None:
    """A counter never goes back, and is never infinite."""
    sink.handle(api_call(cost=cost))
    sink.handle(api_call(cost=0.5))
    assert served(tmp_path, MetricName.API_REQUEST_COST) == {f'{{route="{ROUTE}"}}': 0.5}


def test_refusals_truncations_errors_and_operations_are_counted(
    sink: MetricsSink, tmp_path: Path
) -> None:
    """The metrics with an event of their own."""
    sink.handle(api_call(status_code=401, auth_failure="expired_token"))
    sink.handle(ListTruncated(context(), 1.7e9, ROUTE, 2))
    sink.handle(ErrorRecorded(context(), 1.7e9, "api", ErrorInfo("TimeoutError", "late")))
    sink.handle(DbOperation(None, 1.7e9, 0.004, "INSERT", "courses", 5))
    taken = ErrorInfo("IntegrityError", "taken")
    sink.handle(DbOperation(None, 1.7e9, 0.004, "UPDATE", "users", error=taken))
    assert served(tmp_path, MetricName.API_AUTH_FAILURES) == {'{reason="expired_token"}': 1.0}
    assert served(tmp_path, MetricName.API_TRUNCATED_LISTS) == {f'{{route="{ROUTE}"}}': 2.0}
    assert served(tmp_path, MetricName.ERRORS) == {
        '{error_type="TimeoutError",operation="api"}': 1.0
    }
    assert served(tmp_path, MetricName.DB_OPERATIONS, zeros=True) == {
        '{operation="INSERT",outcome="success",table="courses"}': 1.0,
        '{operation="INSERT",outcome="failed",table="courses"}': 0.0,
        '{operation="UPDATE",outcome="success",table="users"}': 0.0,
        '{operation="UPDATE",outcome="failed",table="users"}': 1.0,
    }


def test_records_and_losses_of_the_other_sinks_are_counted(
    sink: MetricsSink, tmp_path: Path
) -> None:
    """By log and level, and by sink and reason."""
    sink.count_record("errors", "ERROR")
    sink.count_record("errors", "ERROR")
    sink.flush(0)
    sink.count_dropped("spans", "queue_full", 3)
    assert served(tmp_path, MetricName.LOG_RECORDS) == {'{level="ERROR",log="errors"}': 2.0}
    assert served(tmp_path, MetricName.TELEMETRY_DROPPED) == {
        '{reason="queue_full",sink="spans"}': 3.0
    }


def test_events_that_no_metric_reports_change_nothing(sink: MetricsSink, tmp_path: Path) -> None:
    """Progress and heartbeats are for other sinks."""
    before = samples(SyncProcessCollector(tmp_path))
    sink.handle(Progressed(context(), 1.7e9, 10.0, "courses"))
    sink.handle(Heartbeat(context(), 1.7e9, snapshot("task")))
    assert samples(SyncProcessCollector(tmp_path)) == before
    assert sink.flush(0.0)


def test_many_routes_stay_bounded(sink: MetricsSink, tmp_path: Path) -> None:
    """However many routes an app names, series and memory are bounded and calls are counted."""
    for number in range(1500):
        sink.handle(api_call(route=f"/raw/{number}"))
    counted = served(tmp_path, MetricName.API_REQUESTS)
    assert len(counted) == 201
    assert sum(counted.values()) == 1500


def test_a_route_of_canvas_never_becomes_other(sink: MetricsSink, tmp_path: Path) -> None:
    """Neither do many of them, nor after an app has named too many of its own."""
    routes = sorted(templates())[:100]
    for number in range(300):
        sink.handle(api_call(route=f"/raw/{number}"))
    for route in routes:
        sink.handle(api_call(route=route))
    sink.handle(api_call(route=routes[0], method="BREW"))

    counted = served(tmp_path, MetricName.API_REQUESTS)
    assert len(counted) == 201 + len(routes) + 1
    assert counted[f'{{method="other",route="{routes[0]}",status_code="200"}}'] == 1.0
    assert counted['{method="GET",route="other",status_code="200"}'] == 100.0
    assert len(served(tmp_path, MetricName.API_PAGES)) <= 201 + len(routes)


def test_each_canvas_has_its_own_quota_of_a_token(sink: MetricsSink, tmp_path: Path) -> None:
    for host, remaining in (("a.test", 700.0), ("b.test", 50.0), ("a.test", 690.0)):
        sink.handle(api_call(token="0a1b2c3d", host=host, rate_limit_remaining=remaining))
    quotas = {quota.token: quota.remaining for quota in read_token_quotas(tmp_path, 1.7e9)}
    assert quotas == {"0a1b2c3d": 690.0, "0a1b2c3d@b.test": 50.0}


def test_a_forked_child_counts_in_files_of_its_own(sink: MetricsSink, tmp_path: Path) -> None:
    """Parent and child use the sink after the fork; the calls add up."""
    sink.handle(api_call())
    child = os.fork()
    if child == 0:
        sink.after_fork_in_child()
        sink.count_record("api_calls", "INFO")
        sink.handle(api_call())
        os._exit(0)
    assert os.waitpid(child, 0)[1] == 0
    sink.handle(api_call())
    labels = f'{{method="GET",route="{ROUTE}",status_code="200"}}'
    assert served(tmp_path, MetricName.API_REQUESTS) == {labels: 3.0}
    assert served(tmp_path, MetricName.LOG_RECORDS) == {'{level="INFO",log="api_calls"}': 1.0}


def test_error_types_of_an_app_stay_bounded(sink: MetricsSink, tmp_path: Path) -> None:
    """An app may make a class for each failure."""
    for number in range(1000):
        error = ErrorInfo(f"Error{number}", "no")
        sink.handle(ErrorRecorded(context(), 1.7e9, "courses", error))
    counted = served(tmp_path, MetricName.ERRORS)
    assert len(counted) <= 201
    assert sum(counted.values()) == 1000


@pytest.mark.parametrize("sampled", [True, False])
def test_only_a_sampled_trace_is_an_exemplar(
    sink: MetricsSink, tmp_path: Path, *, sampled: bool
) -> None:
    """An exemplar of another one would lead nowhere."""
    sink.handle(api_call(context=context(sampled=sampled)))
    sink.handle(RunEnded(context(sampled=sampled), 1.7e9, snapshot("task")))
    exemplars = [
        exemplar
        for file in tmp_path.glob("exemplars_*.bin")
        for exemplar in read_exemplars(file.read_bytes()).values()
    ]
    assert bool(exemplars) == sampled


_TRUNCATED = """
import os, sys
from pathlib import Path
from canvas_sync_core.events import ApiCall, DbOperation, RunContext
from canvas_sync_core.metrics.sink import MetricsSink

context = RunContext("t1", 42, None, "full", "a" * 32, "b" * 16, True)
route = "/api/v1/courses"

def call(time, **changes):
    given = {"token": "3f2a91c0", "rate_limit_remaining": 500.0, "clock_skew": 1.0, **changes}
    return ApiCall(context, time, 0.2, "GET", route, route, "canvas.test", 200, **given)

events = {
    "same call": call(1.8e9 + 60),
    "other token": call(1.8e9 + 60, token="0a1b2c3d"),
    "refused": call(1.8e9 + 60, auth_failure="forbidden"),
    "operation": DbOperation(context, 1.8e9 + 60, 0.2, "INSERT", "courses"),
}
folder, event = Path(sys.argv[1]), events[sys.argv[2]]
sink = MetricsSink(folder)
sink.handle(call(1.8e9))
sink.handle(DbOperation(context, 1.8e9, 0.2, "INSERT", "courses"))
sink.flush(0.0)
for path in folder.iterdir():
    os.truncate(path, 0)
sink.count_record("api_calls", "INFO")
sink.handle(event)
sink.close(0.0)
"""


@pytest.mark.parametrize("event", ["same call", "other token", "refused", "operation"])
def test_an_event_after_the_files_were_truncated_ends_no_process(
    tmp_path: Path, event: str
) -> None:
    """Only the files that the event uses are checked before it."""
    subprocess.run([sys.executable, "-c", _TRUNCATED, str(tmp_path), event], check=True)
    counts = [
        sum(served(tmp_path, name).values())
        for name in (MetricName.API_REQUESTS, MetricName.DB_OPERATIONS, MetricName.LOG_RECORDS)
    ]
    assert counts == ([1.0, 2.0, 1.0] if event == "operation" else [2.0, 1.0, 1.0])


def test_an_event_brings_removed_files_back_when_the_next_check_is_due(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_file_upkeep, "_CHECK_SECONDS", 0.0)
    sink = MetricsSink(tmp_path / "metrics")
    for _ in range(2):
        sink.handle(EVENTS[0])
        shutil.rmtree(tmp_path / "metrics")
    sink.handle(EVENTS[0])
    assert list((tmp_path / "metrics").iterdir())
    sink.close(0.0)


def test_equal_operations_are_counted_by_how_they_ended(sink: MetricsSink, tmp_path: Path) -> None:
    for error in (None, ErrorInfo("IntegrityError", "taken"), None):
        sink.handle(DbOperation(None, 1.7e9, 0.5, "INSERT", "courses", 5, error=error))
    assert served(tmp_path, MetricName.DB_OPERATIONS) == {
        '{operation="INSERT",outcome="success",table="courses"}': 2.0,
        '{operation="INSERT",outcome="failed",table="courses"}': 1.0,
    }


def test_a_cleanup_is_counted_by_how_it_ended(sink: MetricsSink, tmp_path: Path) -> None:
    failed = ErrorInfo("CleanupFailed", "disk full")
    for time, size, error in ((1.7e9, 4096, None), (1.8e9, 100, failed), (1.6e9, -7, failed)):
        done = LogsCleaned(
            time, 1.5, files=3, archives_deleted=1, reclaimed_bytes=size, error=error
        )
        sink.handle(done)
    assert served(tmp_path, MetricName.CLEANUP_RUNS) == {
        '{status="success"}': 1.0,
        '{status="failed"}': 2.0,
    }
    assert served(tmp_path, MetricName.CLEANUP_RECLAIMED) == {"": 4196.0}
    assert served(tmp_path, MetricName.CLEANUP_LAST_SUCCESS) == {"": 1.7e9}
