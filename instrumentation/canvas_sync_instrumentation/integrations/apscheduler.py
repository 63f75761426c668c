"""Records the jobs that an APScheduler 3 scheduler did not start: missed and skipped ones.

A job is a run if its function is decorated with ``@track_sync``, in any executor. A job that is not
started has no run, so it is recorded here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from canvas_sync_core.canvas.redaction import redact
from canvas_sync_core.events import ErrorInfo, ErrorRecorded
from canvas_sync_instrumentation.monitor import get_monitor

from ._default_recorder import recorder_or_default

if TYPE_CHECKING:
    from apscheduler.schedulers.base import BaseScheduler

__all__ = ["instrument_apscheduler"]

_OPERATION: Final = "schedule"


def instrument_apscheduler(scheduler: BaseScheduler) -> None:
    """Record each job that ``scheduler`` misses, or skips because it is still running, as an error.

    Each becomes a line of ``errors.log`` and counts in ``canvas_sync_errors_total`` with the
    operation ``schedule`` and the error type ``JobMissed`` or ``JobSkipped``. Calling this again
    has no effect.

    Args:
        scheduler: A scheduler of APScheduler 3.x; it and its jobs are not changed.
    """
    from apscheduler import events  # noqa: PLC0415 - may not be installed

    scheduler.remove_listener(_record)
    scheduler.add_listener(_record, events.EVENT_JOB_MISSED | events.EVENT_JOB_MAX_INSTANCES)


def _record(event: Any) -> None:
    with recorder_or_default(None).handle_internal_errors():
        times = getattr(event, "scheduled_run_times", None)  # of those that are skipped
        if times is None:
            error = ErrorInfo("JobMissed", f"{redact(event.job_id)} was due and did not start.")
        else:
            error = ErrorInfo(
                "JobSkipped", f"{redact(event.job_id)} was due while it was still running."
            )
        monitor = get_monitor()
        monitor.emit(ErrorRecorded(None, monitor.clock.time(), _OPERATION, error))
