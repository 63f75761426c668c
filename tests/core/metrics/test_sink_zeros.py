"""What alerts read is there as 0 before it first happens."""

from __future__ import annotations

import inspect
import os
import re
from pathlib import Path

from canvas_sync_core.metrics import sink as sink_module
from canvas_sync_core.metrics.sink import MetricsSink
from canvas_sync_core.names import (
    API_ERRORS,
    API_OUTCOMES,
    AUTH_FAILURE_REASONS,
    ITEM_ACTIONS,
    ITEMS,
    RunStatus,
)
from canvas_sync_core.schema.metrics import METRICS, MetricName
from support.metric_events import (
    ROUTE,
    api_call,
    served,
    served_metrics_of_syncs,
    started,
)


def test_counters_that_alerts_read_are_there_from_the_start(
    sink: MetricsSink, tmp_path: Path
) -> None:
    """Before any event, refusals, failed API requests and losses are 0 for each cause."""
    refusals = served(tmp_path, MetricName.API_AUTH_FAILURES, zeros=True)
    assert refusals == {f'{{reason="{reason}"}}': 0.0 for reason in AUTH_FAILURE_REASONS}
    errors = served(tmp_path, MetricName.ERRORS, zeros=True)
    assert errors == {f'{{error_type="{kind}",operation="api"}}': 0.0 for kind in API_ERRORS}
    losses = served(tmp_path, MetricName.TELEMETRY_DROPPED, zeros=True)
    for labels in (
        '{reason="disk_full",sink="log"}',
        '{reason="disk_full",sink="metrics"}',
        '{reason="queue_full",sink="spans"}',
        '{reason="spool_full",sink="store"}',
        '{reason="misuse",sink="tracker"}',
    ):
        assert losses[labels] == 0.0
    assert set(losses.values()) == {0.0}


def test_a_sync_type_has_its_counters_from_the_start_of_its_first_run(
    sink: MetricsSink, tmp_path: Path
) -> None:
    """Each status but ``running`` and each action on each item is 0."""
    sink.handle(started("one", 100.0))
    assert len(served(tmp_path, MetricName.RUNS, zeros=True)) == len(RunStatus) - 1
    items = served(tmp_path, MetricName.ITEMS, zeros=True)
    assert len(items) == len(ITEMS) * len(ITEM_ACTIONS)
    assert set(items.values()) == {0.0}


def test_the_zeros_of_a_run_that_was_killed_outlive_its_process(tmp_path: Path) -> None:
    """The exporter, which counts it as interrupted, adds to series that were there as 0."""
    child = os.fork()
    if child == 0:
        MetricsSink(tmp_path).handle(started("killed", 100.0))
        os._exit(9)
    os.waitpid(child, 0)
    runs = served(tmp_path, MetricName.RUNS, zeros=True)
    assert runs == {
        f'{{status="{status}",sync_type="full"}}': 0.0
        for status in RunStatus
        if status is not RunStatus.RUNNING
    }


def test_failures_of_a_route_are_zero_at_its_first_success(
    sink: MetricsSink, tmp_path: Path
) -> None:
    """So the first 503 and the first timeout are increases."""
    sink.handle(api_call())
    values = served(tmp_path, MetricName.API_REQUESTS, zeros=True)
    labels = f'method="GET",route="{ROUTE}"'
    expected = {f'{{{labels},status_code="{outcome}"}}': 0.0 for outcome in API_OUTCOMES}
    assert values == expected | {f'{{{labels},status_code="200"}}': 1.0}


def test_each_series_that_must_exist_as_zero_is_started_once_its_labels_are_known() -> None:
    calls = re.findall(r"start_at_zero\(([^)]*)\)", inspect.getsource(sink_module))
    started = {frozenset(re.findall(r"(\w+)=", arguments)) for arguments in calls}
    needed = {
        (name, frozenset(METRICS[name].label_names).difference(zero))
        for name in served_metrics_of_syncs()
        for zero in METRICS[name].zeros
    }
    assert [(name, known) for name, known in needed if known not in started] == []
