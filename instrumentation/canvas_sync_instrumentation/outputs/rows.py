"""The row sink: rows of the table, written by a separate thread.

The sync's thread only appends a snapshot to this process's spool file. The writer thread moves
snapshots from there into the database, and empties the file once they are committed. While the
database is unavailable they wait, even beyond the end of the process.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Final

from canvas_sync_core.app_log import app_logger
from canvas_sync_core.asynchronous import raise_if_asynchronous
from canvas_sync_core.clock import monotonic
from canvas_sync_core.events import (
    Event,
    Heartbeat,
    RunEnded,
    RunSnapshot,
    RunStarted,
    RunWaiting,
)
from canvas_sync_core.locks import Condition
from canvas_sync_core.sinks import DropCounter, fault_of
from canvas_sync_core.store.reuse import Attempt, attempt_of
from canvas_sync_core.store.row_database import RowDatabase
from canvas_sync_core.store.rows import newest_of_each
from canvas_sync_core.store.spool.lines import Batch, encode
from canvas_sync_core.store.spool.own_file import SPOOL_LIMIT, Spool
from canvas_sync_core.threads import Daemon
from canvas_sync_core.wording import counted

from ._row_writer import SINK, GivenUpError, RowWriter

__all__ = ["RowSink"]

_logger = app_logger(__name__)

_GATHER_S: Final = 0.05
"""How long a row waits for further ones, so that a short run is written only once."""
_FIRST_DELAY_S: Final = 0.25
_LAST_DELAY_S: Final = 15.0
_HEARTBEAT_SHARE: Final = 0.75
"""Share of the spool that heartbeats may use; the rest is reserved for starts and ends."""
_MEMORY_RUNS: Final = 1000
"""Maximum number of runs that wait in memory while the spool cannot be written."""

_RowEvent = RunStarted | Heartbeat | RunWaiting | RunEnded


class RowSink:
    """Writes each run's row: at its start, its heartbeats and its end.

    Args:
        open_database: Opens the database; called in the writer thread, again after a failure. If
            it does not upgrade the table, an unsuitable one is reported once and rows wait.
        spool_folder: Where rows wait; each process has its own file there.
        on_drop: Counts lost rows.
        spool_limit: Maximum number of waiting bytes.
    """

    def __init__(
        self,
        open_database: Callable[[], RowDatabase],
        spool_folder: Path,
        *,
        on_drop: DropCounter,
        spool_limit: int = SPOOL_LIMIT,
    ) -> None:
        self._folder = spool_folder.absolute()  # the app may change its working directory
        self._on_drop = on_drop
        self._spool_limit = spool_limit
        self._fault: str | None = None
        self._rows = RowWriter(open_database, spool_folder, on_drop)
        self._spool: Spool | None = None
        self._reset()

    @property
    def fault(self) -> str | None:
        """Why the spool cannot be written now; None if it can."""
        return self._fault

    def handle(self, event: Event) -> None:
        """Store the run's snapshot for the writer; ignore other events."""
        if not isinstance(event, (RunStarted, Heartbeat, RunWaiting, RunEnded)):
            return
        record = encode(event.snapshot)
        try:
            self._take(event, record)
        except BaseException:  # asynchronous: the row must not be lost, and may be written twice
            self._take(event, record)
            raise

    def _take(self, event: _RowEvent, record: bytes) -> None:
        with self._changed.lock:
            if self._closing:
                self._drop(event, "closed")
                return
            self._keep(event, record)
            if not self._ensure_thread():
                self._leave_to_others()
            if self._idle:  # even if a signal's exception interrupted the previous notification
                self._changed.notify_all()
        while self._warnings:  # without the lock: a handler of the app may run other greenlets
            _logger.warning(self._warnings.pop())

    def flush(self, timeout: float) -> bool:
        """Wait up to ``timeout`` seconds until every row is in the table."""
        return self._drain(timeout, give_up=False)

    def close(self, timeout: float) -> None:
        """Write waiting rows within ``timeout`` seconds and stop; the rest stays in the spool.

        It does not wait for an unavailable database: the next process or the exporter writes the
        rest. Rows that are only in memory are lost with the process, and counted; a write that is
        under way then is rolled back, unless its commit has begun.
        """
        deadline = monotonic() + timeout
        self._drain(timeout, give_up=True)
        with self._changed.lock:
            self._closing = True
            self._changed.notify_all()
            thread = self._thread
        if thread is not None and thread.is_alive:
            thread.join(deadline - monotonic())
        if thread is None or not thread.is_alive:
            self._release()
        else:
            self._count_lost()

    def before_fork(self) -> None:
        """Let the writer thread finish its current work, within a second."""
        self._rows.before_fork()

    def after_fork_in_parent(self) -> None:
        """Let the writer thread continue."""
        self._rows.after_fork_in_parent()

    def after_fork_in_child(self) -> None:
        """Leave thread, spool and connections to the parent; the child creates its own."""
        if self._spool is not None:
            self._spool.abandon()
        self._rows.after_fork_in_child()
        self._reset()

    def _reset(self) -> None:
        self._changed = Condition()
        self._thread: Daemon | None = None
        self._spool = None
        self._is_left_to_others = False
        self._warnings: list[str] = []
        self._memory: dict[Attempt, RunSnapshot] = {}
        self._closing = False
        self._is_counted = False
        self._idle = False  # whether the thread sleeps until there is work; only the thread sets it
        self._urgent = False
        self._flushing = 0
        self._failures = 0
        self._delay = 0.0
        self._committed: dict[Attempt, RunSnapshot] = {}  # of the current write
        self._committing: dict[Attempt, RunSnapshot] = {}
        self._in_doubt = 0
        self._gives_up = False

    def _drop(self, event: _RowEvent, reason: str) -> None:
        """Count a row that cannot be stored, once for each run."""
        if isinstance(event, (RunWaiting, RunEnded)):
            self._on_drop(SINK, reason)

    def _keep(self, event: _RowEvent, record: bytes) -> None:
        try:
            spool = self._usable_spool()
            if spool.has_room(record, _HEARTBEAT_SHARE if isinstance(event, Heartbeat) else 1.0):
                spool.append(record)
            else:
                self._drop(event, "spool_full")
            self._fault = None
        except OSError as error:
            raise_if_asynchronous(error)
            if self._fault is None:
                self._fault = fault_of(self._folder, error)
                self._warnings.append(
                    f"{self._folder} cannot be written: {error}. Rows of sync runs wait only in "
                    "memory."
                )
            self._remember(event)

    def _usable_spool(self) -> Spool:
        """Return the spool; create it if necessary, and recreate its file if it was removed.

        Raises:
            OSError: It cannot be made.
        """
        if self._spool is None:
            self._spool = Spool(self._folder, self._spool_limit)
        elif not self._spool.is_in_place:
            self._spool.recreate()
            self._warnings.append(
                f"Another program removed or moved the spool file in {self._folder}. It is "
                "recreated with all waiting rows."
            )
        self._count_removed(self._spool)
        return self._spool

    def _count_removed(self, spool: Spool) -> None:
        """Count rows that another program removed from the spool file."""
        if removed := spool.forget_removed():
            self._on_drop(SINK, "spool_emptied", removed)
            self._warnings.append(
                f"The spool file in {self._folder} was emptied by another program: {removed} "
                "snapshots of sync runs that waited for the database are lost."
            )

    def _remember(self, event: _RowEvent) -> None:
        """Fall back to memory, which holds only the newest snapshot of each run."""
        attempt = attempt_of(event.snapshot)
        if attempt in self._memory or len(self._memory) < _MEMORY_RUNS:
            self._memory[attempt] = event.snapshot
        else:
            self._drop(event, "spool_unwritable")

    def _ensure_thread(self) -> bool:
        """Start the thread unless it is running; return whether there is one.

        An outdated thread (see :attr:`Daemon.is_outdated`) is replaced only while it is idle;
        otherwise two threads could write the same batch.
        """
        thread = self._thread
        if thread is None or not thread.is_alive or (thread.is_outdated and self._idle):
            self._idle = False
            self._thread = Daemon(self._write_rows, "canvas-sync-store")
            if not self._thread.start():
                self._thread = None
        return self._thread is not None

    def _leave_to_others(self) -> None:
        """Leave the rows to the next process or the exporter, because this one has no thread."""
        if self._spool is not None:
            self._is_left_to_others = True
            self._spool.close()
            self._spool = None
            self._rows.expect_orphans()

    def _drain(self, timeout: float, *, give_up: bool) -> bool:
        """Wait until no rows are waiting; with ``give_up``, only until an attempt has failed."""
        with self._changed.lock:
            if (self._has_work() or self._is_left_to_others) and not self._ensure_thread():
                return False
            failures = self._failures
            self._flushing += 1
            self._urgent = True
            self._changed.notify_all()
            self._changed.wait_for(
                lambda: not self._has_work() or (give_up and self._failures > failures), timeout
            )
            self._flushing -= 1
            return not self._has_work()

    def _has_work(self) -> bool:
        return bool(self._memory) or (self._spool is not None and not self._spool.is_empty)

    def _write_rows(self) -> None:
        """Run the writer thread."""
        with self._changed.lock:
            thread = self._thread
        while self._wait_for_work(thread):
            with self._changed.lock:
                remembered = list(self._memory.values())
                if self._spool is not None:
                    self._count_removed(self._spool)
            batch = self._spool.read() if self._spool else Batch([], [], 0)
            written = self._rows.write(
                [*batch.snapshots, *remembered], batch.damaged, self._before_commit
            )
            self._finish(batch, remembered, written=written)
            if written:
                self._rows.drain_orphans()
        if self._thread is thread:
            self._release()

    def _wait_for_work(self, thread: Daemon | None) -> bool:
        """Wait for the delay after a failure, then for rows; False when it is time to stop."""
        with self._changed.lock:
            if self._delay:
                delay = _FIRST_DELAY_S if self._flushing else self._delay
                self._changed.wait_for(lambda: self._urgent or self._closing, delay)
            self._urgent = False
            self._idle = True
            self._changed.wait_for(lambda: self._closing or self._has_work())
            if self._thread is not thread:  # another one has replaced it
                return False
            self._idle = False
            self._changed.wait_for(lambda: self._closing or self._flushing, _GATHER_S)
            return not self._closing

    def _before_commit(self, snapshots: Sequence[RunSnapshot]) -> None:
        """Note what is committed, because another thread may have to count what is lost."""
        with self._changed.lock:
            self._committed |= self._committing
            self._committing = {}
            self._in_doubt = 0
            if self._gives_up:
                raise GivenUpError
            self._committing = {attempt_of(snapshot): snapshot for snapshot in snapshots}

    def _finish(self, batch: Batch, remembered: list[RunSnapshot], *, written: bool) -> None:
        with self._changed.lock:
            lost = 0 if written else self._in_doubt
            self._committed, self._committing, self._in_doubt = {}, {}, 0
            if written:
                self._delay = 0.0
                if self._spool is not None:
                    self._spool.discard(batch)
                for snapshot in remembered:
                    if self._memory.get(attempt_of(snapshot)) is snapshot:
                        del self._memory[attempt_of(snapshot)]
            else:
                self._failures += 1
                self._delay = min(max(2 * self._delay, _FIRST_DELAY_S), _LAST_DELAY_S)
            self._changed.notify_all()
        self._count_and_warn(lost)

    def _count_lost(self) -> None:
        """Count once, at exit, the rows that neither the database nor the spool accepted.

        Rows that are being committed are counted by :meth:`_finish`, if the commit fails.
        """
        with self._changed.lock:
            if self._is_counted:
                return
            self._is_counted = True
            unsafe = _unsafe(self._spool) if self._spool is not None else []
            left = newest_of_each([*unsafe, *self._memory.values()])
            self._memory.clear()
            self._in_doubt = _common(left, self._committing)
            lost = len(left) - self._in_doubt - _common(left, self._committed)
            self._gives_up = lost > 0
        self._count_and_warn(lost)

    def _count_and_warn(self, lost: int) -> None:
        if lost:
            self._on_drop(SINK, "spool_unwritable", lost)
            _logger.warning(
                "Lost %s of sync runs: neither the database nor %s could be written.",
                counted(lost, "row"),
                self._folder,
            )

    def _release(self) -> None:
        """Count lost rows, and close the spool and the database."""
        self._count_lost()
        with self._changed.lock:
            if self._spool is not None:
                self._spool.close()
                self._spool = None
        self._rows.close()


def _unsafe(spool: Spool) -> list[RunSnapshot]:
    """Return the waiting rows that no later process will find, because the file has no name."""
    if not (spool.is_empty or spool.is_in_place):
        try:
            spool.recreate()
        except OSError:
            return [row for batch in spool.read_all() for row in batch.snapshots]
    return []


def _common(snapshots: Iterable[RunSnapshot], others: Mapping[Attempt, RunSnapshot]) -> int:
    return sum(others.get(attempt_of(snapshot)) == snapshot for snapshot in snapshots)
