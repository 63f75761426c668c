"""The state of one sync run: its context, its totals and how it ended."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from contextvars import ContextVar
from typing import Any, Protocol
from weakref import WeakSet

import msgspec
from opentelemetry import context as otel_context
from opentelemetry.trace import Link

from canvas_sync_core.canvas.paging import PageAddress
from canvas_sync_core.events import (
    ApiCall,
    DbOperation,
    ErrorInfo,
    ErrorRecorded,
    Heartbeat,
    ItemCounts,
    ItemsRecorded,
    ListTruncated,
    Progressed,
    RunContext,
    RunEnded,
    RunSnapshot,
    RunStarted,
    RunWaiting,
    StepEnded,
    StepStarted,
)
from canvas_sync_core.identifiers import getpid
from canvas_sync_core.locks import RLock
from canvas_sync_core.names import SPAN_RUN, SPAN_STEP, RunStatus
from canvas_sync_instrumentation.error_description import error_info
from canvas_sync_instrumentation.interfaces import Reporter
from canvas_sync_instrumentation.internal_errors import never_raises
from canvas_sync_instrumentation.outputs.spans import OpenSpan

from .api_calls import failure_of
from .call_history import CallHistory
from .span_attributes import end_attributes, start_attributes
from .totals import InferredItems, RunTotals
from .trace_context import remote_parent, traced, with_current

__all__ = [
    "ActiveRun",
    "CurrentRun",
    "OpenStep",
    "SavedContext",
    "UnfinishedCall",
    "current_run",
    "emit_with_error",
]


class CurrentRun(msgspec.Struct, frozen=True):
    """The run that the calling code belongs to, and the innermost open span of that run."""

    run: ActiveRun
    context: RunContext
    span: OpenSpan | None


class UnfinishedCall(Protocol):
    """An API call that was answered but not recorded yet, because its body may still be read."""

    def finalize(self, body: bytes | None) -> None:
        """Record the call unless that has been done; ``body`` is the content of a failure."""


class OpenStep(msgspec.Struct, frozen=True):
    """A step of a run that has not ended; ``start`` is in monotonic seconds."""

    name: str
    start: float
    span: OpenSpan | None
    context: RunContext
    outer_step: str | None
    outside: SavedContext


_current: ContextVar[CurrentRun | None] = ContextVar("canvas_sync_current_run", default=None)


class SavedContext(msgspec.Struct, frozen=True):
    """The current run and the OpenTelemetry context, saved so that they can be restored.

    The tokens of context variables cannot be used for that: a token is only valid in the context
    that made it, and the event loop may close an asynchronous generator in another one.
    """

    run: CurrentRun | None
    otel: otel_context.Context

    @classmethod
    def current(cls) -> SavedContext:
        """Save the caller's context."""
        return cls(_current.get(), otel_context.get_current())

    def enter(self) -> None:
        """Restore the saved context for the caller."""
        _current.set(self.run)
        otel_context.attach(self.otel)


def current_run() -> CurrentRun | None:
    """Return the innermost open run that the calling code belongs to, or None."""
    current = _current.get()
    while current is not None and not current.run.is_open:
        # A run that ends in another thread or context stays in the context variable of this one.
        current = current.run.outer
    return current


class ActiveRun:
    """One sync run. Creating it starts it and makes it the current run of the caller's context.

    Args:
        reporter: The monitor that receives its events.
        identity: Its context before its span starts; the span then replaces the trace and span
            ids.
        metadata: The app's metadata for the row, already cleaned.
        links: Links to the spans that requested the run.
        redeliverable: Whether a later run with the same task id continues this one if it was left
            open.

    Attributes:
        outer: The run inside which it was started, if any.
        unfinished: Answered calls that are recorded when the run ends, if not before.
    """

    def __init__(
        self,
        reporter: Reporter,
        identity: RunContext,
        metadata: Mapping[str, Any],
        links: Sequence[Link] = (),
        *,
        redeliverable: bool = False,
    ) -> None:
        self.reporter = reporter
        self._redeliverable = redeliverable
        self.totals = RunTotals()
        self.call_history = CallHistory()
        self.unfinished: WeakSet[UnfinishedCall] = WeakSet()
        self.status = RunStatus.RUNNING
        self.percent = 0.0
        self._lock = RLock()
        self._pid = getpid()
        self._is_detached = False
        self._metadata = metadata
        self._step: str | None = None
        self._error: ErrorInfo | None = None
        self._end_time: float | None = None
        self._ending_thread: int | None = None
        self._duration: float | None = None
        self._start_time = self._heartbeat_time = reporter.clock.time()
        self._start = self._last_heartbeat = reporter.clock.monotonic()
        self._span = self._start_span(identity, links)
        self.context = identity if self._span is None else traced(identity, self._span)
        self.outer = current_run()
        _current.set(CurrentRun(self, self.context, self._span))
        self._begin()

    @property
    def is_open(self) -> bool:
        """Whether the run is running and belongs to this process."""
        is_ours = not self._is_detached and self._pid == getpid()
        return is_ours and self.status is RunStatus.RUNNING

    @property
    def is_ours(self) -> bool:
        """Whether the run belongs to this process, not to its parent or to a later attempt."""
        return not self._is_detached and self._pid == getpid()

    def attach(self) -> None:
        """Make the run's span the current OpenTelemetry span."""
        otel_context.attach(with_current(self._span))

    def here(self) -> RunContext:
        """Return the run's context, with the span of the caller's step if it is in one."""
        current = _current.get()
        return current.context if current and current.run is self else self.context

    # Events during the run

    def add_api_call(self, call: ApiCall) -> None:
        """Add an API call."""
        self.totals.add_api_call(call)
        emit_with_error(self.reporter, call)

    def note_call_outside(self, method: str, address: PageAddress) -> None:
        """Note an API call that this process makes outside the run."""
        if self.is_open:
            self.call_history.on_outside_request(method, address)

    def add_db_operation(
        self, operation: DbOperation, *, infer_items: bool
    ) -> InferredItems | None:
        """Add a database operation; see :meth:`RunTotals.add_db_operation`."""
        inferred = self.totals.add_db_operation(operation, infer_items=infer_items)
        emit_with_error(self.reporter, operation)
        return inferred

    def emit_progress(self, message: str) -> None:
        """Emit the run's progress, which is in :attr:`percent`."""
        now = self.reporter.clock.time()
        self.reporter.emit(Progressed(self.here(), now, self.percent, message))

    def emit_items(self, item: str, counts: ItemCounts, *, inferred: bool = False) -> None:
        """Emit what was done to items of one kind."""
        self.reporter.emit(
            ItemsRecorded(self.here(), self.reporter.clock.time(), item, counts, inferred)
        )

    @never_raises
    def open_step(self, name: str) -> OpenStep:
        """Start a step of the run and make it the caller's current context."""
        now = self.reporter.clock.time()
        span = self._start_step_span(name, now)
        context = self.context if span is None else traced(self.context, span)
        outside = SavedContext.current()
        step = OpenStep(
            name=name,
            start=self.reporter.clock.monotonic(),
            span=span,
            context=context,
            outer_step=self._step,
            outside=outside,
        )
        SavedContext(CurrentRun(self, context, span), with_current(span)).enter()
        self._step = name
        self.reporter.emit(StepStarted(context, now, name))
        return step

    @never_raises
    def close_step(self, step: OpenStep, raised: BaseException | None) -> None:
        """End a step of the run; ``raised`` is the exception that left it, if any."""
        step.outside.enter()
        self._step = step.outer_step
        now = self.reporter.clock.time()
        duration = self.reporter.clock.monotonic() - step.start
        error = None if raised is None else error_info(raised)
        if step.span is not None:
            step.span.end(end_time=now, error=error)
        self.reporter.emit(StepEnded(step.context, now, step.name, duration, error))

    # Heartbeat and end

    @never_raises
    def heartbeat(self, at_most_every: float = 0.0) -> None:
        """Write a heartbeat to the table.

        Args:
            at_most_every: Do nothing if the last heartbeat is newer than this, in seconds.
        """
        elapsed = self.reporter.clock.monotonic()
        if self.is_open and elapsed - self._last_heartbeat >= at_most_every:
            self._last_heartbeat = elapsed
            # The clock may have been set back, and the table keeps the later heartbeat.
            now = self._heartbeat_time = max(self.reporter.clock.time(), self._heartbeat_time)
            self.reporter.emit(Heartbeat(self.context, now, self.snapshot(now)))

    @never_raises
    def interrupt(self) -> None:
        """End the run as interrupted, because its process is ending."""
        self.end(
            RunStatus.INTERRUPTED,
            ErrorInfo("Interrupted", "The process ended before the run was completed."),
        )

    def detach(self) -> None:
        """Record nothing more in the run: ownership has passed to another process."""
        self._is_detached = True
        # A thread of the parent may have held the lock at the fork. That thread does not exist in
        # the child, so nobody would ever release the copy.
        self._lock = RLock()

    def hand_over(self, until: float, error: ErrorInfo) -> bool:
        """Leave the run open for its next attempt; return whether it was still open.

        Args:
            until: When the next attempt may start, in seconds since the epoch.
            error: Why another attempt is needed.
        """
        self._finalize_calls()
        with self._lock:
            if not self.is_open:
                return False
            self._error = error
            snapshot = self.snapshot(until)
            self._is_detached = True
        self.reporter.unregister(self)
        self.reporter.emit_sums(self.context.task_id)
        now = self.reporter.clock.time()
        self.reporter.emit(RunWaiting(self.context, now, snapshot))
        self._leave_context()
        self._end_span(now, snapshot, error)
        self.reporter.deliver_soon()
        return True

    def end(self, status: RunStatus, error: ErrorInfo | None) -> bool:
        """End the run; return False if it had ended before."""
        self._finalize_calls()
        try:
            with self._lock:
                if not self.is_open:
                    return False
                self._duration = self.reporter.clock.monotonic() - self._start
                self._end_time = self._start_time + self._duration
                self._error = error
                self._ending_thread = threading.get_ident()
                self.status = status
                if status is RunStatus.SUCCESS:
                    self.percent = 100.0
            self.reporter.unregister(self)
            self._emit_final_events(status, error)
        finally:
            # A time limit or Ctrl-C may raise anywhere above. The row must still be closed, or it
            # would stay ``running`` until the exporter declares the run interrupted.
            self._emit_end()
        self.reporter.deliver_soon()
        return True

    def _emit_end(self) -> None:
        """Emit the end of the run, once, in the thread that ended it.

        :meth:`end` also comes here when it returned early because another thread ended the run.
        """
        if self._ending_thread != threading.get_ident() or self._end_time is None:
            return
        self._ending_thread = None
        self.reporter.unregister(self)
        snapshot = self.snapshot(self._end_time)
        self.reporter.emit(RunEnded(self.context, self._end_time, snapshot))
        if self.status is RunStatus.SUCCESS and not snapshot.api_calls:
            self.reporter.note_no_api_call(self.context.task_id)
        self._leave_context()
        is_failure = self.status in (RunStatus.FAILED, RunStatus.INTERRUPTED)
        self._end_span(self._end_time, snapshot, self._error if is_failure else None)

    def snapshot(self, now: float) -> RunSnapshot:
        """Return the whole run as its row shows it at ``now``, in seconds since the epoch."""
        return RunSnapshot(
            task_id=self.context.task_id,
            user_id=self.context.user_id,
            course_id=self.context.course_id,
            sync_type=self.context.sync_type,
            canvas_host=self.totals.canvas_host,
            status=self.status,
            start_time=self._start_time,
            end_time=self._end_time,
            duration=self._duration,
            heartbeat=now,
            progress=self.percent,
            step=self._step,
            error=self._error,
            items=self.totals.items(),
            **self.totals.snapshot_fields(),
            trace_id=self.context.trace_id,
            host=self.reporter.host_name,
            pid=self._pid,
            metadata=self._metadata,
            redeliverable=self._redeliverable,
            telemetry_fault=self.reporter.telemetry_fault,
        )

    # Private

    @never_raises
    def _start_span(self, identity: RunContext, links: Sequence[Link]) -> OpenSpan:
        return self.reporter.spans.start_run(
            SPAN_RUN,
            attributes=start_attributes(identity),
            parent=remote_parent(self.reporter.outer_run),
            start_time=self._start_time,
            links=links,
        )

    def _end_span(self, end_time: float, snapshot: RunSnapshot, error: ErrorInfo | None) -> None:
        if self._span is not None:
            attributes = end_attributes(snapshot)
            self._span.end(end_time=end_time, error=error, attributes=attributes)

    def _start_step_span(self, name: str, now: float) -> OpenSpan | None:
        current = _current.get()
        outer = current.span if current and current.run is self else self._span
        if outer is None:
            return None
        attributes = {"canvas.sync.step.name": name}
        return self.reporter.spans.start_step(
            SPAN_STEP, attributes=attributes, parent=outer, start_time=now
        )

    @never_raises
    def _begin(self) -> None:
        self.reporter.register(self)
        now = self._start_time
        self.reporter.emit(RunStarted(self.context, now, self.snapshot(now)))
        self.emit_progress("Started")

    @never_raises
    def _finalize_calls(self) -> None:
        if self.is_open:
            for call in tuple(self.unfinished):
                call.finalize(None)

    def _emit_final_events(self, status: RunStatus, error: ErrorInfo | None) -> None:
        self.reporter.emit_sums(self.context.task_id)
        for item, counts in self.totals.inferred_items().items():
            self.emit_items(item, counts, inferred=True)
        now = self.reporter.clock.time()
        for route, count in self.call_history.truncated().items():
            self.totals.add_truncated_lists(count)
            self.reporter.emit(ListTruncated(self.context, now, route, count))
        self.emit_progress(f"Ended: {status}")
        if status is RunStatus.FAILED and error is not None:
            self.reporter.emit(ErrorRecorded(self.context, now, "run", error))

    def _leave_context(self) -> None:
        current = _current.get()
        if current is not None and current.run is self:
            _current.set(self.outer)


def emit_with_error(reporter: Reporter, event: ApiCall | DbOperation) -> None:
    """Emit an API call or database operation and, if it failed, its error."""
    if isinstance(event, DbOperation):
        reporter.emit_operation(event)
    else:
        reporter.emit(event)
    if failure := failure_of(event):
        reporter.emit(failure)
