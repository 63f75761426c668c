"""Store sinks on a database, and the events of runs that they write."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import Engine

from canvas_sync_core.events import RunContext, RunEnded, RunStarted
from canvas_sync_core.store.queries import recent_runs
from canvas_sync_instrumentation.outputs.rows import RowSink

from .runs import running, snapshot

__all__ = [
    "CONTEXT",
    "NOWHERE",
    "START",
    "RowDrops",
    "Sinks",
    "reports_in",
    "run_ended",
    "run_started",
    "statuses_of",
    "sync_all",
]

CONTEXT = RunContext("a", 42, None, "full", "0" * 32, "0" * 16, sampled=False)


START = 1_766_398_530.25


NOWHERE = "postgresql://nobody@127.0.0.1:9/none"


class RowDrops:
    """Counts what the sink loses."""

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()

    def __call__(self, sink: str, reason: str, count: int = 1) -> None:
        assert sink == "store"
        self.counts[reason] += count


Sinks = Callable[..., RowSink]


def run_started(task_id: str, **changes: Any) -> RunStarted:
    return RunStarted(CONTEXT, START, running(task_id, start_time=START, **changes))


def run_ended(task_id: str, **changes: Any) -> RunEnded:
    return RunEnded(CONTEXT, START + 60, snapshot(task_id, start_time=START, **changes))


def statuses_of(engine: Engine) -> dict[str, str]:
    return {run.sync_task_id: run.sync_status for run in recent_runs(engine, 5000).items}


def reports_in(caplog: pytest.LogCaptureFixture) -> list[str]:
    """What the store logged; an exporter of spans that an earlier test left hanging may log too."""
    names = {"canvas_sync_instrumentation.outputs._row_writer", RowSink.__module__}
    return [record.getMessage() for record in caplog.records if record.name in names]


def sync_all(sink: RowSink, names: list[str]) -> None:
    for name in names:
        sink.handle(run_started(name))
        sink.handle(run_ended(name))
