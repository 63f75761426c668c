"""Events of syncs, and what the exporter serves of them."""

from __future__ import annotations

import inspect
import re
from pathlib import Path
from typing import Any

from canvas_sync_core.events import ApiCall, RunContext, RunEnded, RunStarted
from canvas_sync_core.metrics import sink as sink_module
from canvas_sync_core.names import RunStatus
from canvas_sync_core.schema.metrics import METRICS, PER_PROCESS, MetricName
from canvas_sync_exporter.collectors.sync_processes import SyncProcessCollector

from .metric_processes import samples
from .runs import snapshot

__all__ = ["ROUTE", "api_call", "context", "ended", "served", "served_metrics_of_syncs", "started"]

ROUTE = "/api/v1/courses/:course_id/users"


def served(folder: Path, name: MetricName, *, zeros: bool = False) -> dict[str, float]:
    """What the exporter serves of a metric, by labels; without those that are 0."""
    return {
        sample.removeprefix(name): value
        for sample, value in samples(SyncProcessCollector(folder)).items()
        if sample.startswith((f"{name}{{", f"{name} ")) or sample == name
        if value or zeros
    }


def context(task_id: str = "task", *, sampled: bool = True) -> RunContext:
    """A run of type ``full``."""
    return RunContext(task_id, 42, None, "full", "ab" * 16, "cd" * 8, sampled)


def api_call(**changes: Any) -> ApiCall:
    """A successful GET of 0.2 s, except for ``changes``."""
    given: dict[str, Any] = {
        "context": context(),
        "time": 1.7e9,
        "duration": 0.2,
        "method": "GET",
        "route": ROUTE,
        "path": "/api/v1/courses/7/users",
        "host": "canvas.example.edu",
        "status_code": 200,
    }
    return ApiCall(**{**given, **changes})


def started(task_id: str, start_time: float) -> RunStarted:
    """A run that began at ``start_time``."""
    row = snapshot(task_id, status=RunStatus.RUNNING, start_time=start_time)
    return RunStarted(context(task_id), start_time, row)


def ended(task_id: str, time: float, status: RunStatus = RunStatus.SUCCESS) -> RunEnded:
    """A run that took 12.5 s."""
    return RunEnded(context(task_id), time, snapshot(task_id, status=status))


def served_metrics_of_syncs() -> set[MetricName]:
    """The metrics that the sink names in its code, except those that are served by token."""
    names = re.findall(r"MetricName\.(\w+)", inspect.getsource(sink_module))
    metrics = {MetricName[name] for name in names}
    return {name for name in metrics if METRICS[name].merge != PER_PROCESS}
