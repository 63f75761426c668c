"""What a run and the monitor need from each other, as protocols."""

from __future__ import annotations

from typing import Protocol

from canvas_sync_core.canvas.paging import PageAddress
from canvas_sync_core.clock import Clock
from canvas_sync_core.events import DbOperation, Event, RunContext
from canvas_sync_instrumentation.outputs.spans import SpanSink

__all__ = ["LiveRun", "Reporter"]


class LiveRun(Protocol):
    """A run that has not ended."""

    def heartbeat(self) -> None:
        """Record in the table that the run is alive."""

    def note_call_outside(self, method: str, address: PageAddress) -> None:
        """Observe an API call of this process that is not in the run."""

    def interrupt(self) -> None:
        """End it because its process ends."""

    def detach(self) -> None:
        """Stop tracking it: ownership has passed to another process."""


class Reporter(Protocol):
    """What runs report to: the monitor."""

    @property
    def clock(self) -> Clock:
        """The clock."""

    @property
    def spans(self) -> SpanSink:
        """Creates spans."""

    @property
    def outer_run(self) -> RunContext | None:
        """The run of the process that started this one; contains all outside our own runs."""

    @property
    def host_name(self) -> str:
        """This machine's name."""

    @property
    def telemetry_fault(self) -> str | None:
        """Which sinks cannot write now, and why; None if all can."""

    def emit(self, event: Event) -> None:
        """Pass an event to every sink."""

    def emit_operation(self, operation: DbOperation) -> None:
        """Pass a database operation to every sink; logs and traces may only get its sum."""

    def emit_sums(self, task_id: str) -> None:
        """Emit the sums of a run's database operations up to now."""

    def misuse(self, message: str, detail: str = "") -> None:
        """Warn of incorrect use, each ``message`` once; raises in strict mode."""

    def internal_error(self, part: str, error: Exception) -> None:
        """Count an internal failure; raise it in strict mode, or if it belongs to the sync."""

    def register(self, run: LiveRun) -> None:
        """Keep a run's heartbeat running until :meth:`unregister`."""

    def unregister(self, run: LiveRun) -> None:
        """Stop a run's heartbeat: it has ended."""

    def note_no_api_call(self, task_id: str) -> None:
        """Explain once why a successful run may have seen no API call."""

    def deliver_soon(self) -> None:
        """Send spans in the background."""
