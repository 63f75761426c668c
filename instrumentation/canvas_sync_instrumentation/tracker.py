"""The tracker: the API through which an app records one sync run."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator, Mapping
from types import TracebackType
from typing import Any, ClassVar, Self, TypedDict, Unpack

from msgspec import structs
from opentelemetry import context as otel_context

from canvas_sync_core.canvas.received import Received, measure_content
from canvas_sync_core.canvas.redaction import redact
from canvas_sync_core.canvas.responses import classify
from canvas_sync_core.events import DbOperation, ErrorInfo, ErrorRecorded, ItemCounts
from canvas_sync_core.identifiers import random_hex
from canvas_sync_core.names import OTHER, RunStatus
from canvas_sync_core.plain import number_of, text_of, whole_number_of
from canvas_sync_instrumentation.run.active_run import ActiveRun, current_run
from canvas_sync_instrumentation.run.api_calls import Request, answered_call, unanswered_call
from canvas_sync_instrumentation.run.trace_context import new_identity

from .arguments import LONGEST_ID, LONGEST_WORD, Arguments, to_error, to_operation
from .interfaces import Reporter
from .internal_errors import never_raises
from .monitor import get_monitor

__all__ = ["CanvasSyncMetricsTracker", "ItemOutcome", "current_tracker"]

_PROGRESS_HEARTBEAT_SECONDS = 1.0


class ItemOutcome(TypedDict, total=False):
    """The action on items; at most one may be true."""

    created: bool
    updated: bool
    unchanged: bool
    failed: bool


class CanvasSyncMetricsTracker:
    """Tracks one sync run from start to end.

    The run starts when the tracker is created; from then on, API calls and database operations that
    hooks see belong to it. As a context manager, it ends the run as ``failed`` on an exception and
    as ``success`` otherwise; without ``with``, call one of the ``complete_*`` methods.

    Methods may be called from any thread. In production none of them raises: an incorrect call is
    logged once and counted. With ``CANVAS_SYNC_STRICT`` it raises
    :class:`~canvas_sync_core.errors.TrackerMisuseError`.

    Args:
        task_id: The run's id, unique over all runs. A run with an id that was used before gets a
            row with a number after it (``nightly-42~2``), unless the earlier run is waiting for it:
            see :meth:`retry_later`.
        user_id: Canvas id of the user that the sync runs for.
        sync_type: A short word such as ``full`` or ``incremental``; it becomes a metric label.
        course_id: Canvas id of the course, for a sync of one course.
        metadata: Anything else that belongs in the row; plain JSON values without personal data.
        linked_to: W3C trace headers of whatever requested the run, as returned by
            :func:`~canvas_sync_instrumentation.trace_headers`. The run's span is linked to that
            span instead of becoming its child, because the request may have ended long before.
    """

    _is_redeliverable: ClassVar[bool] = False

    def __init__(
        self,
        task_id: str,
        user_id: int | None,
        *,
        sync_type: str = "full",
        course_id: int | None = None,
        metadata: Mapping[str, Any] | None = None,
        linked_to: Mapping[str, str] | None = None,
    ) -> None:
        self.reporter: Reporter = get_monitor()
        self._arguments = Arguments(self.reporter)
        self._otel_outside: otel_context.Context | None = None
        identity = new_identity(
            self._arguments.task_id(task_id) or f"unnamed-{random_hex(16)}",
            self._arguments.canvas_id("user_id", user_id),
            self._arguments.canvas_id("course_id", course_id),
            self._arguments.text("sync_type", sync_type, LONGEST_WORD) or OTHER,
        )
        cleaned = self._arguments.metadata(metadata) or {}
        links = self._arguments.links(linked_to) or ()
        self._run = ActiveRun(
            self.reporter, identity, cleaned, links, redeliverable=self._is_redeliverable
        )

    def __enter__(self) -> Self:
        self._otel_outside = otel_context.get_current()
        self._run.attach()
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        try:
            self._leave(error)
        except BaseException as raised:  # asynchronous: it leaves the block in place of ``error``
            if self._run.is_open:
                self._complete_by(raised)
            raise

    @property
    def task_id(self) -> str:
        """The run's own id."""
        return self._run.context.task_id

    @property
    def trace_id(self) -> str:
        """The id of the run's trace, 32 hexadecimal digits."""
        return self._run.context.trace_id

    @property
    def status(self) -> RunStatus:
        """The current status of the run."""
        return self._run.status

    # Items

    def record_course(self, count: int = 1, **outcome: Unpack[ItemOutcome]) -> None:
        """Record courses: see :meth:`record_items`."""
        self.record_items("course", count, **outcome)

    def record_assignment(self, count: int = 1, **outcome: Unpack[ItemOutcome]) -> None:
        """Record assignments: see :meth:`record_items`."""
        self.record_items("assignment", count, **outcome)

    def record_submission(self, count: int = 1, **outcome: Unpack[ItemOutcome]) -> None:
        """Record submissions: see :meth:`record_items`."""
        self.record_items("submission", count, **outcome)

    def record_grade(self, count: int = 1, **outcome: Unpack[ItemOutcome]) -> None:
        """Record grades: see :meth:`record_items`."""
        self.record_items("grade", count, **outcome)

    def record_user(self, count: int = 1, **outcome: Unpack[ItemOutcome]) -> None:
        """Record users: see :meth:`record_items`."""
        self.record_items("user", count, **outcome)

    def record_enrollment(self, count: int = 1, **outcome: Unpack[ItemOutcome]) -> None:
        """Record enrollments: see :meth:`record_items`."""
        self.record_items("enrollment", count, **outcome)

    @never_raises
    def record_items(
        self,
        item: str,
        count: int = 1,
        *,
        created: bool = False,
        updated: bool = False,
        unchanged: bool = False,
        failed: bool = False,
    ) -> None:
        """Record that ``count`` items were handled, with at most one action.

        Args:
            item: One of :data:`~canvas_sync_core.names.ITEMS`.
            count: How many; 0 records nothing.
            created: They were new.
            updated: They had changed.
            unchanged: They were as before.
            failed: They could not be handled.
        """
        item = text_of(item)
        call = f"record_{item}"
        if not self._may_record(call):
            return
        count = self._arguments.count(call, count)
        created, updated, unchanged, failed = map(bool, (created, updated, unchanged, failed))
        if created + updated + unchanged + failed > 1:
            self.reporter.misuse(
                f"{call}: use one of created, updated, unchanged and failed; call it once for each."
            )
            return
        counts = ItemCounts(
            count, count * created, count * updated, count * unchanged, count * failed
        )
        if not self._run.totals.add_items(item, counts):
            self.reporter.misuse(f"{call}: over 2**53 in one run; its row says 2**53.")
        if count:
            self._run.emit_items(item, counts)

    # Calls, operations, errors

    @never_raises
    def record_api_call(
        self,
        method: str,
        url: str,
        status_code: int | None = None,
        duration: float = 0.0,
        *,
        headers: Mapping[str, str] | None = None,
        body: str | None = None,
        error: BaseException | str = "no answer",
        items: int | None = None,
        size: int | None = None,
    ) -> None:
        """Record a Canvas API call that no hook sees.

        Args:
            method: HTTP method.
            url: URL or path; its query and non-numeric ids are removed.
            status_code: HTTP status; None if there was no response.
            duration: Seconds.
            headers: Response headers, for rate limit, cost, request id, paging and size.
            body: The response's text, to determine the cause of a failure and to count items and
                bytes; it is not stored.
            error: What the client raised if there was no response.
            items: Number of items in the response's list; counted in ``body`` if None.
            size: Bytes of the response's body; from ``body`` or ``Content-Length`` if None.
        """
        call = "record_api_call"
        if not self._may_record(call):
            return
        duration = self._arguments.seconds(call, duration)
        request = Request.to(text_of(method), text_of(url), self._run.here())
        now = self.reporter.clock.time()
        status_code = self._arguments.status_code(status_code)
        if status_code is None:
            cause = error if isinstance(error, BaseException) else text_of(error)
            event = unanswered_call(request, time=now, duration=duration, error=cause)
        else:
            facts = classify(status_code, headers or {}, body)
            data = None if body is None else text_of(body).encode(errors="replace")
            content = measure_content(request.method, request.url.path, status_code, facts, data)
            event = answered_call(
                request,
                time=now,
                duration=duration,
                status=status_code,
                facts=facts,
                content=self._with_given(content, items, size),
            )
        self._run.add_api_call(event)

    def _with_given(self, content: Received, items: int | None, size: int | None) -> Received:
        """Replace what was measured by what the app knows better."""
        call = "record_api_call"
        if items is not None:
            content = structs.replace(content, items=self._arguments.count(call, items))
        if size is not None:
            content = structs.replace(content, size=self._arguments.count(call, size))
        return content

    @never_raises
    def record_db_operation(
        self,
        operation: str,
        table: str,
        count: int = 1,
        duration: float = 0.0,
        *,
        batch: bool = False,
        error: BaseException | str | None = None,
    ) -> None:
        """Record an operation on the app's own database that no hook sees.

        Args:
            operation: A word such as ``CREATE`` or ``UPDATE``; it becomes a metric label.
            table: Table or model name; it becomes a metric label.
            count: Rows or objects.
            duration: Seconds.
            batch: Whether several rows were sent together.
            error: The exception or its text, if it failed.
        """
        call = "record_db_operation"
        if not self._may_record(call):
            return
        event = DbOperation(
            context=self._run.here(),
            time=self.reporter.clock.time(),
            duration=self._arguments.seconds(call, duration),
            operation=to_operation(text_of(operation)),
            table=redact(text_of(table), LONGEST_WORD),
            count=self._arguments.count(call, count),
            batch=bool(batch),
            error=None if error is None else to_error(error),
        )
        self._run.add_db_operation(event, infer_items=False)

    @never_raises
    def record_error(self, error: BaseException | str, *, operation: str = "app") -> None:
        """Record an error that the sync handled.

        Args:
            error: The exception, or a short text without personal data.
            operation: What was being done: one word, which becomes a metric label.
        """
        word = redact(text_of(operation), LONGEST_WORD)
        now = self.reporter.clock.time()
        self.reporter.emit(ErrorRecorded(self._run.here(), now, word, to_error(error)))

    # Progress and steps

    @never_raises
    def progress(self, percent: float, message: str = "") -> None:
        """Record the progress of the run.

        Args:
            percent: From 0 to 100; values outside are reported and limited.
            message: A few words without personal data.
        """
        if not self._may_record("progress"):
            return
        self._run.percent = self._arguments.bounded(
            percent, number_of(percent), 100.0, "progress: percent must be from 0 to 100"
        )
        self._run.emit_progress(redact(text_of(message)))
        self._run.heartbeat(at_most_every=_PROGRESS_HEARTBEAT_SECONDS)

    @contextlib.contextmanager
    def step(self, name: str) -> Iterator[None]:
        """Mark a part of the run: a child span, and the ``step`` of the row.

        Args:
            name: A few words without personal data.
        """
        label = self._arguments.text("step", name, LONGEST_ID) or OTHER
        step = self._run.open_step(label) if self._may_record("step") else None
        error: BaseException | None = None
        try:
            yield
        except BaseException as raised:
            error = raised
            raise
        finally:
            if step is not None:
                quiet = error is None or _is_quiet_exit(error)
                self._run.close_step(step, None if quiet else error)

    # The end

    @never_raises
    def complete_success(self) -> None:
        """End the run: everything was synced."""
        self._complete(RunStatus.SUCCESS)

    @never_raises
    def complete_partial(self, reason: str) -> None:
        """End the run: only part was synced, and ``reason`` says what was not."""
        self._complete(RunStatus.PARTIAL, ErrorInfo("Partial", redact(text_of(reason))))

    @never_raises
    def complete_failure(self, error: BaseException | str) -> None:
        """End the run: ``error`` stopped it."""
        self._complete(RunStatus.FAILED, to_error(error))

    @never_raises
    def retry_later(self, error: BaseException | str, *, seconds: float = 0.0) -> None:
        """Suspend the run until its next attempt, a tracker with the same ``task_id``.

        The run stays ``running``, and its row is then continued by the next attempt. If none has
        started a minute after it was due, the run is closed as ``interrupted``.

        Args:
            error: Why this attempt failed; it is counted and logged as an error.
            seconds: Seconds until the next attempt is due.
        """
        if self._may_record("retry_later"):
            seconds = self._arguments.seconds("retry_later", seconds)
            self.record_error(error, operation="retry")
            self._run.hand_over(self.reporter.clock.time() + seconds, to_error(error))

    @never_raises
    def complete_cancelled(self) -> None:
        """End the run: someone stopped it on purpose."""
        self._complete(RunStatus.CANCELLED)

    # Private

    def _leave(self, error: BaseException | None) -> None:
        if self._otel_outside is not None:
            # No token: a generator may be closed in another context than it began in.
            otel_context.attach(self._otel_outside)
            self._otel_outside = None
        if self._run.is_open:
            self._complete_by(error)
        elif error is not None and not _is_quiet_exit(error):
            self.record_error(error, operation="run")

    def _complete_by(self, error: BaseException | None) -> None:
        if error is None or _is_quiet_exit(error):
            self.complete_success()
        elif _is_cancellation(error):
            self.complete_cancelled()
        else:
            self.complete_failure(error)

    def _complete(self, status: RunStatus, error: ErrorInfo | None = None) -> None:
        if not self._run.end(status, error):
            self._may_record(f"complete as {status}")

    def _may_record(self, call: str) -> bool:
        if self._run.is_open:
            return True
        if self._run.is_ours:
            self.reporter.misuse(
                f"{call}: run {self.task_id!r} has already ended as {self.status}. "
                "Make a new tracker for a new run."
            )
        return False


def current_tracker() -> CanvasSyncMetricsTracker | None:
    """Return a tracker for the caller's run; None outside a run."""
    current = current_run()
    if current is None:
        return None
    tracker = CanvasSyncMetricsTracker.__new__(CanvasSyncMetricsTracker)  # does not start a run
    tracker.reporter = current.run.reporter
    tracker._arguments = Arguments(current.run.reporter)
    tracker._run = current.run
    tracker._otel_outside = None
    return tracker


def _is_quiet_exit(error: BaseException) -> bool:
    """Return whether ``error`` is a normal exit: ``sys.exit(0)``, or the close of a generator."""
    if issubclass(type(error), SystemExit):
        code = getattr(error, "code", None)
        return code is None or code is False or whole_number_of(code) == 0
    return issubclass(type(error), GeneratorExit)


def _is_cancellation(error: BaseException) -> bool:
    """Return whether the run was cancelled: its task, or by Ctrl-C."""
    # Without asyncio in this process, no task can have been cancelled, and its import takes long.
    asyncio = sys.modules.get("asyncio.exceptions")
    cancelled = () if asyncio is None else (asyncio.CancelledError,)
    return issubclass(type(error), (*cancelled, KeyboardInterrupt))
