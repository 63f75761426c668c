"""The run of a command. Whatever fails here is logged, and the command runs all the same."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec

from canvas_sync_core.app_log import app_logger
from canvas_sync_core.events import OutputRecorded, RunContext
from canvas_sync_core.identifiers import random_hex
from canvas_sync_instrumentation.error_description import described_failure
from canvas_sync_instrumentation.monitor import get_monitor, shutdown
from canvas_sync_instrumentation.propagation import trace_headers
from canvas_sync_instrumentation.run.active_run import current_run
from canvas_sync_instrumentation.tracker import CanvasSyncMetricsTracker

from .job import Job
from .output import KeptOutput

__all__ = ["RecordedRun", "record_for_killed_wrapper"]

_logger = app_logger("canvas_sync_instrumentation")


class RecordedRun:
    """The run of a command, from its start.

    Args:
        job: The command.

    Attributes:
        context: The run; None if it is not recorded.
        environ: The run, as environment variables for the command.
    """

    def __init__(self, job: Job) -> None:
        self._tracker: CanvasSyncMetricsTracker | None = None
        self.context: RunContext | None = None
        self.environ: dict[str, str] = {}
        with _logged("Telemetry failed, the command is run without it."):
            get_monitor().expects_api_calls = False  # the command makes them, in its own process
            self._tracker = CanvasSyncMetricsTracker(
                f"{Path(job.name).stem}-{random_hex(16)}",
                job.user_id,
                sync_type=job.sync_type,
                metadata={"command": job.name},
            ).__enter__()
            self._note_context()

    def _note_context(self) -> None:
        current = current_run()
        if current is None:
            return
        self.environ = {
            "CANVAS_SYNC_RUN": msgspec.json.encode(current.context).decode(),
            **{name.upper(): value for name, value in trace_headers().items()},
        }
        if get_monitor().settings.enabled:
            self.context = current.context

    def record_output(self, output: KeptOutput) -> None:
        """Record the last lines of the output."""
        if self.context is not None:
            with _logged("The last lines of the output cannot be recorded."):
                _record(self.context, output)

    def end(self, error: Exception | None, *, is_cancelled: bool = False) -> None:
        """End the run.

        Args:
            error: Why it failed; None if it succeeded.
            is_cancelled: Whether someone stopped it on purpose.
        """
        if self._tracker is None:
            return
        with _logged("Telemetry failed at the end of the command."):
            if is_cancelled:
                self._tracker.complete_cancelled()
            elif error is None:
                self._tracker.complete_success()
            else:
                self._tracker.complete_failure(error)
            self._tracker.__exit__(None, None, None)


def record_for_killed_wrapper(context: RunContext, output: KeptOutput) -> None:
    """Record the last lines of the output in a process without a monitor."""
    _record(context, output)
    shutdown()


def _record(context: RunContext, output: KeptOutput) -> None:
    monitor = get_monitor()
    now = monitor.clock.time()
    for stream, lines in output.items():
        for line in lines:
            monitor.emit(OutputRecorded(context, now, stream, line))


@contextmanager
def _logged(message: str) -> Iterator[None]:
    try:
        yield
    except Exception as error:  # noqa: BLE001 - the command is what matters
        _logger.error("%s Please report this.\n%s", message, described_failure(error))
