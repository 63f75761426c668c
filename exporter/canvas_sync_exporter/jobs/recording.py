"""Records what a job did, in the same way as a sync process."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from canvas_sync_core.events import Event, RunContext
from canvas_sync_core.files.modes import make_folder
from canvas_sync_core.identifiers import host_name
from canvas_sync_core.logs.sink import LogSink
from canvas_sync_core.metrics.sink import MetricsSink
from canvas_sync_core.settings import Settings
from canvas_sync_core.store.runs import RunRow

__all__ = ["context_of", "record"]

_CLOSE_SECONDS: Final = 1.0


def record(app: Settings, events: Iterable[Event]) -> None:
    """Write events to the logs and to metric files, so that they survive a restart.

    The metric files are closed at once, and the next fold adds them to those of dead processes.
    So the exporter keeps no metric files open.

    Args:
        app: Settings that say where logs and metric files are.
        events: The events to record.

    Raises:
        OSError: The folder of the metric files cannot be created or written.
    """
    make_folder(app.metrics_folder)
    metrics = MetricsSink(app.metrics_folder)
    log = LogSink(
        app.log_dir,
        app.log_format,
        levels=app.log_levels,
        zone=app.timezone,
        control_dir=app.control_folder,
        host=host_name(),
        on_drop=metrics.count_dropped,
        on_record=metrics.count_record,
    )
    try:
        for event in events:
            metrics.handle(event)
            log.handle(event)
    finally:
        log.close(_CLOSE_SECONDS)
        metrics.close(_CLOSE_SECONDS)


def context_of(run: RunRow) -> RunContext:
    """Return the context of an event about a run of another process."""
    return RunContext(
        run.sync_task_id,
        run.user_id,
        run.course_id,
        run.sync_type,
        run.trace_id,
        span_id="",
        sampled=False,
    )
