"""Sums up equal database operations that come too fast to be logged and traced one by one.

An app that writes row by row repeats the same few operations thousands of times. Of equal ones in a
run, the first of each second are logged and traced singly; the rest of that second share one line
and one span. They need not be adjacent: ``Session.merge`` alternates between SELECT and INSERT.
While they keep coming as fast, all of a second share a line. Slow and failed operations are never
summed up, and metrics and the totals of runs count each operation on its own.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Final

import msgspec
from msgspec import structs

from canvas_sync_core.clock import Clock
from canvas_sync_core.events import DbOperation, DbOperationsSummed, Event, RunContext
from canvas_sync_core.locks import Event as ThreadEvent
from canvas_sync_core.locks import RLock
from canvas_sync_core.threads import Daemon

__all__ = ["SLOW_SECONDS", "WINDOW_SECONDS", "OperationSums"]

WINDOW_SECONDS: Final = 1.0
"""How long operations are summed up before their sum is emitted."""
SLOW_SECONDS: Final = 0.1
"""An operation that takes this long is never summed up."""

_TICK_SECONDS: Final = 0.2
_MAX_WINDOWS: Final = 1000

_Key = tuple[str, str, str, str, bool, str]
"""Task id, span id, operation, table, batch, system: what equal operations have in common."""


class OperationSums:
    """Emits database operations, singly or as sums; thread-safe.

    Args:
        singly: How many equal operations of a second are emitted singly; at least 1.
        clock: The clock.
        emit: Passes an event to every sink.
    """

    def __init__(self, singly: int, clock: Clock, emit: Callable[[Event], None]) -> None:
        self._singly = singly
        self._clock = clock
        self._emit = emit
        self.after_fork_in_child()

    def after_fork_in_child(self) -> None:
        """Start fresh in a forked child: what was summed up before belongs to the parent."""
        self._lock = RLock()
        self._windows: dict[_Key, _Window] = {}
        self._ready: deque[DbOperationsSummed] = deque()
        self._thread: Daemon | None = None
        self._has_sums = ThreadEvent()
        self._closed = ThreadEvent()

    def emit_operation(self, operation: DbOperation) -> None:
        """Emit an operation, after the sums that are due before it.

        Every operation is emitted, so that it is counted; one that is summed up is marked.
        """
        context = operation.context
        if context is None or self._closed.is_set():
            self._emit(operation)
            return
        if operation.error is not None:
            self._end_windows(context.task_id)
        elif operation.duration < SLOW_SECONDS and operation.statement is None:
            operation = self._added(operation, context)
        try:
            if self._ready:
                self._emit_ready()
        finally:
            self._emit(operation)

    def emit_all(self, task_id: str | None = None) -> None:
        """Emit what has been summed up so far, of one run or of all."""
        self._end_windows(task_id)
        self._emit_ready()

    def close(self) -> None:
        """Emit what has been summed up; emit later operations singly."""
        self._closed.set()
        self._has_sums.set()
        self.emit_all()

    def _added(self, operation: DbOperation, context: RunContext) -> DbOperation:
        """Add an operation to its window; return it, marked if it is summed up."""
        key = (
            context.task_id,
            context.span_id,
            operation.operation,
            operation.table,
            operation.batch,
            operation.system,
        )
        now = self._clock.monotonic()
        with self._lock:
            window = self._windows.get(key)
            if window is None or now - window.start >= WINDOW_SECONDS:
                window = self._next_window(key, window, now)
            window.seen += 1
            if window.singly > 0:
                window.singly -= 1
                return operation
            window.sum_up(operation)
            self._ensure_thread()
        return structs.replace(operation, is_summed=True)

    def _next_window(self, key: _Key, last: _Window | None, now: float) -> _Window:
        """Start a window after one that is over, if any. Call it with the lock held."""
        if last is not None:
            self._end(last)
        elif len(self._windows) >= _MAX_WINDOWS:
            self._end_old_windows(now)
            if len(self._windows) >= _MAX_WINDOWS:
                return _Window(now, self._singly)  # for this operation alone
        goes_on = last is not None and last.goes_on(now, self._singly)
        window = self._windows[key] = _Window(now, 0 if goes_on else self._singly)
        return window

    def _end_windows(self, task_id: str | None) -> None:
        with self._lock:
            for key, window in tuple(self._windows.items()):
                if task_id is None or key[0] == task_id:
                    self._end(window)
                    del self._windows[key]

    def _end_old_windows(self, now: float) -> None:
        """End the windows that are over, and start another one where operations keep coming."""
        for key, window in tuple(self._windows.items()):
            if now - window.start >= WINDOW_SECONDS:
                self._end(window)
                if window.goes_on(now, self._singly):
                    self._windows[key] = _Window(now, 0)
                else:
                    del self._windows[key]

    def _end(self, window: _Window) -> None:
        """Move the sum of a window to those that are to be emitted.

        A signal may raise anywhere: only between the last two lines would the sum count twice.
        """
        if window.sum is not None:
            summed = window.sum.event()
            self._ready.append(summed)
            window.sum = None

    def _emit_ready(self) -> None:
        while self._ready:
            try:
                summed = self._ready.popleft()
            except IndexError:  # another thread has just taken the last one
                return
            self._emit(summed)

    def _ensure_thread(self) -> None:
        """Have sums emitted even if no operation follows. Call it with the lock held."""
        if self._thread is None or self._thread.is_outdated:
            thread = self._thread = Daemon(self._emit_when_due, "canvas-sync-sums")
            is_started = False
            try:
                is_started = thread.start()
            finally:  # the next operation tries again, and the end of the run emits them anyway
                if not is_started:
                    self._thread = None
        if not self._has_sums.is_set():
            self._has_sums.set()

    def _emit_when_due(self) -> None:
        """Emit sums once their second is over; sleep while there are none."""
        thread, has_sums, closed = self._thread, self._has_sums, self._closed
        while has_sums.wait() and not closed.wait(_TICK_SECONDS):
            with self._lock:
                if self._thread is not thread:  # another one has taken its place
                    return
                self._end_old_windows(self._clock.monotonic())
                if all(window.sum is None for window in self._windows.values()):
                    has_sums.clear()
            self._emit_ready()


class _Window(msgspec.Struct):
    """A second of equal operations in one run or step.

    Attributes:
        start: When it starts, in monotonic seconds.
        singly: How many of its operations are still to be emitted singly.
        seen: How many operations it has had.
        sum: Those that are summed up.
    """

    start: float
    singly: int
    seen: int = 0
    sum: _Sum | None = None

    def sum_up(self, operation: DbOperation) -> None:
        """Add an operation to the sum."""
        if self.sum is None:
            self.sum = _Sum(operation, operation.time - operation.duration)
        self.sum.add(operation)

    def goes_on(self, now: float, singly: int) -> bool:
        """Return whether operations came too fast to emit the next ones singly."""
        return self.seen > singly and now - self.start < 2 * WINDOW_SECONDS


class _Sum(msgspec.Struct):
    """Operations that are summed up.

    Attributes:
        newest: The one that ended last.
        start: When the first one started, in seconds since the epoch.
    """

    newest: DbOperation
    start: float
    operations: int = 0
    rows: int = 0
    seconds: float = 0.0
    longest: float = 0.0

    def add(self, operation: DbOperation) -> None:
        """Add an operation."""
        if operation.time >= self.newest.time:  # else another thread was faster
            self.newest = operation
        self.start = min(self.start, operation.time - operation.duration)
        self.operations += 1
        self.rows += operation.count
        self.seconds += operation.duration
        self.longest = max(self.longest, operation.duration)

    def event(self) -> DbOperationsSummed:
        """Return the sum so far."""
        newest = self.newest
        return DbOperationsSummed(
            context=newest.context,
            time=newest.time,
            duration=self.seconds,
            elapsed=max(0.0, newest.time - self.start),
            longest=self.longest,
            operation=newest.operation,
            table=newest.table,
            operations=self.operations,
            count=self.rows,
            batch=newest.batch,
            system=newest.system,
        )
