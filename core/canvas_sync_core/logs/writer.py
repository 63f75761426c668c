"""Appending lines to a log that other processes append to and rotate at the same time.

A line is one ``write`` to a descriptor opened with ``O_APPEND``. Before the write, the writer
compares the generation on the :class:`~.control.ControlPage` and reopens the log if it has changed;
after the write, it compares again. If the generation is unchanged, no one had started to move
files, so the line is in the log. If a rotation ran in between, the line may be in a file that has
already been removed or archived: only then does the writer check, and write the line again if it is
nowhere else. If the process that moves the files is stopped half-way, this cannot be decided yet,
so the uncertain line also stays in memory.

If an operator removes a log, writing to it still succeeds. So the newest lines are kept until the
file is known to exist under its name; otherwise they are written again to a new file.

Lines that cannot be written yet wait in memory, in order. They are retried at the next append, at
:meth:`LogFileWriter.flush`, and by a thread that runs while lines are waiting. A line has been
written when ``append`` has returned and nothing is pending; after that, it survives the death of
the process.
"""

from __future__ import annotations

import errno
import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from canvas_sync_core.app_log import app_logger
from canvas_sync_core.asynchronous import raise_if_asynchronous
from canvas_sync_core.clock import monotonic
from canvas_sync_core.files.descriptors import close_ours, is_closed, is_open
from canvas_sync_core.files.identity import Identity, identity_of
from canvas_sync_core.locks import RLock
from canvas_sync_core.sinks import fault_of
from canvas_sync_core.wording import counted

from .control import ControlPage, LogLockedError
from .opening import ends_torn, open_for_append
from .patience import Patience
from .pending import PENDING_BYTES, PendingLines
from .retry import BackgroundRetry
from .rotation import control_path, log_files, rotate
from .unverified import UnverifiedLines

__all__ = ["LogFileWriter"]

_CHECK_SECONDS: Final = 1.0  # how soon a log that was removed or moved by hand is detected
_RETRY_BYTES: Final = 64 * 1024  # growth after which a failed rotation is retried
_FLUSH_SECONDS: Final = 0.02
_LOCKED_SECONDS: Final = 1.0  # being locked for less than this is not worth a warning
_WRITERS: Final = 4096
"""The size is looked up once this many processes, as busy as this one, could have filled it."""
_CLOSED: Final = -1
_UNKNOWN: Final = -1
_LOGGER: Final = app_logger(__name__)


class LogFileWriter:
    """Writes one log, together with any number of threads and processes.

    Nothing is opened before the first line. No method raises OSError: lines that cannot be written
    wait, and are dropped and counted once more than :data:`~.pending.PENDING_BYTES` are waiting. No
    call waits longer than 0.1 s in total for another process, however many threads log.

    Args:
        path: The log; its folder is created if missing.
        max_bytes: Size at which it is rotated; 0 means never.
        backups: How many rotated files are kept, at least 1.
        control_dir: Folder of the control page, the same for all processes, on a local disk.
        on_drop: Called with the reason (``disk_full``, ``io_error``, ``closed``) and number of
            lines.
        patience: The budget for waiting on locks, if it is shared with other logs.

    Attributes:
        last_error: The latest error of the operating system, for a health check.
    """

    def __init__(
        self,
        path: Path,
        *,
        max_bytes: int,
        backups: int,
        control_dir: Path,
        on_drop: Callable[[str, int], None],
        patience: Patience | None = None,
    ) -> None:
        if max_bytes < 0 or backups < 1:
            raise ValueError(f"max_bytes must be 0 or more, backups 1 or more; not {backups}")
        self.last_error: OSError | None = None
        self._path = path.absolute()  # the app may change its working directory
        self._max_bytes = max_bytes or sys.maxsize
        self._backups = backups
        self._on_drop = on_drop
        self._control = ControlPage(control_path(control_dir, path))
        self._mutex = RLock()
        self._retry = BackgroundRetry(lambda: self.flush(0), "canvas-sync-log")
        self._patience = patience or Patience()
        self._closed = False
        self._warned = False
        self._reset()

    def _reset(self) -> None:
        self._busy = False
        self._torn = False  # the next write has to finish an unfinished line first
        self._queue = PendingLines()
        self._unverified = UnverifiedLines()
        self._failing_since: float | None = None
        self._failure_logged = False
        # Where the first queued line ends in the open file, if that file may have been moved.
        self._uncertain_end: int | None = None
        self._begun: bytes | None = None  # the line whose write was started last
        self._fd = _CLOSED
        self._identity: Identity | None = None
        self._generation = _UNKNOWN
        self._check_at = 0.0
        self._try_at = 0.0  # a locked log is not tried again before this time
        self._limit = self._max_bytes
        self._end = self._limit  # size of the log when it was last looked up
        self._unmeasured = 0  # bytes written since

    @property
    def fault(self) -> str | None:
        """Why the log has not been writable for a while; None if it is."""
        return fault_of(self._path, self.last_error) if self._failure_logged else None

    @property
    def pending(self) -> int:
        """How many lines wait in memory."""
        return len(self._queue.lines)

    def append(self, line: bytes) -> None:
        """Write one whole line, including its newline."""
        with self._mutex:
            if self._closed:
                self._on_drop("closed", 1)
                return
            if not self._queue.add(line):
                self._on_drop(self._reason(), 1)
            # Reentered from a signal handler: the interrupted call will write the line.
            if not self._busy and monotonic() >= self._try_at:
                self._write_pending()

    def flush(self, timeout: float) -> bool:
        """Try to write pending lines for ``timeout`` seconds; return whether none are left."""
        deadline = monotonic() + timeout
        while True:
            with self._mutex:
                if not self._busy:
                    self._write_pending(verify=True)
                if not self._queue.lines and not self._torn:
                    return True
            if monotonic() >= deadline:
                return False
            time.sleep(_FLUSH_SECONDS)

    def close(self, timeout: float) -> None:
        """Try to write pending lines for ``timeout`` seconds, drop the rest, and close the log."""
        self.flush(timeout)
        with self._mutex:
            self._closed = True
            if lost := len(self._queue.lines):
                self._on_drop(self._reason(), lost)
                _LOGGER.warning("Lost %s of %s.", counted(lost, "line"), self._path)
            if not self._busy:
                self._close_file()
                self._reset()

    def after_fork_in_child(self) -> None:
        """Start fresh in a forked child; pending lines belong to the parent."""
        self._mutex = RLock()
        self._retry.after_fork_in_child()
        self._control.after_fork_in_child()
        self._close_file()
        self._reset()

    def _close_file(self) -> None:
        # Forget the descriptor before closing it, so that no one closes another file with its
        # number.
        fd, self._fd = self._fd, _CLOSED
        if fd != _CLOSED:
            close_ours(fd)

    def _write_pending(self, *, verify: bool = False) -> None:
        self._busy = True
        try:
            if self._begun is not None:
                self._finish_interrupted(self._begun)
            waiting = self._queue.lines
            while waiting or (verify and self._unverified):
                if verify or self._unverified.are_many or monotonic() >= self._check_at:
                    self._verify()
                if waiting:
                    if self._uncertain_end is not None or not self._put(waiting[0]):
                        self._ensure_safe(waiting[0])
                    self._queue.remove_first()
                    self._begun = None
            if self._torn:
                self._put(b"")
                self._uncertain_end = None  # a line end is not a line that could be lost
            self._failing_since, self._failure_logged = None, False
        except OSError as error:
            raise_if_asynchronous(error)
            self._begun = None
            self._note_failure(error)
        finally:
            self._busy = False

    def _finish_interrupted(self, line: bytes) -> None:
        """Do not write a line twice after an asynchronous exception."""
        waiting = self._queue.lines
        if waiting and waiting[0] is line and self._fd != _CLOSED:
            end = os.lseek(self._fd, 0, os.SEEK_CUR)
            if os.pread(self._fd, len(line), max(0, end - len(line))) == line:
                self._torn = False
                self._uncertain_end = end

    def _note_failure(self, error: OSError) -> None:
        """Retry in the background, and log once that the log cannot be written."""
        self.last_error = error.with_traceback(None)  # or it would keep frames alive
        now = monotonic()
        if self._failing_since is None:
            self._failing_since = now
        is_locked = isinstance(error, LogLockedError)
        is_brief = is_locked and now < self._failing_since + _LOCKED_SECONDS
        if is_locked:  # otherwise all logging threads would wait for each other's attempts
            self._try_at = now + _FLUSH_SECONDS
        if not self._failure_logged and not is_brief:
            self._failure_logged = True
            _LOGGER.warning(
                "%s cannot be written: %s. Up to %d bytes of lines wait in memory. Further lines, "
                "and lines still waiting when the process ends, are dropped and counted.",
                self._path,
                error,
                PENDING_BYTES,
            )
        if not self._closed:
            self._retry.start()

    def _reason(self) -> str:
        full = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
        code = self.last_error.errno if self.last_error else None
        return "disk_full" if code in full else "io_error"

    def _verify(self) -> None:
        """Requeue lines that were lost with a removed log, and reopen it."""
        # Our own processes increment the generation before they remove it. So it is looked at last:
        # a cleanup may come between the two looks.
        if self._unverified and self._is_removed() and self._control.is_at(self._generation):
            self._queue.put_back(self._unverified.take())
            self._check_at = 0.0
        self._unverified.take()
        if monotonic() >= self._check_at:
            self._refresh()

    def _is_removed(self) -> bool:
        if not is_open(self._fd):
            return False  # by the app; all lines were written before
        has_name = os.fstat(self._fd).st_nlink > 0
        return not has_name and identity_of(self._path) != self._identity

    def _ensure_safe(self, line: bytes) -> None:
        """Rewrite a line that may be lost, until it is in the log or an archive."""
        while not self._is_line_safe():
            if self._put(line):
                return

    def _put(self, line: bytes) -> bool:
        """Write one line; return whether it is certainly in the log, or still uncertain."""
        if self._fd == _CLOSED or not self._control.is_at(self._generation):
            self._refresh()
        data = b"\n" + line if self._torn else line
        self._begun = line
        try:
            missing = len(data) - os.write(self._fd, data)
        except OSError as error:
            if not is_closed(error):
                raise
            missing = len(data) - self._write_reopened(data)
        fd = self._fd
        self._torn = missing > 0
        if missing > 1:  # only the newline is still owed, not the line
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(self._path))
        if not self._control.is_at(self._generation):
            self._uncertain_end = os.lseek(fd, 0, os.SEEK_CUR)
            return False
        self._unverified.add(line)
        self._unmeasured += len(data)
        if self._end + _WRITERS * self._unmeasured >= self._limit:
            self._measure(fd)
        return True

    def _write_reopened(self, data: bytes) -> int:
        """Write to the log after the app has closed its descriptor."""
        self._fd, self._identity = _CLOSED, None
        self._refresh()
        return os.write(self._fd, data)

    def _measure(self, fd: int) -> None:
        """Look up the size of the log, and rotate it if it is large enough."""
        self._end, self._unmeasured = os.lseek(fd, 0, os.SEEK_CUR), 0
        if self._end >= self._limit:
            self._rotate(self._end)

    def _refresh(self) -> None:
        """Open the log, or reopen it if it was rotated, removed or moved away."""
        page = self._control.identity
        self._control.refresh()
        with self._waiting_for_lock() as seconds:
            # Read before opening: at worst, the log is reopened once more.
            generation = self._control.generation(seconds)
        is_moved = identity_of(self._path) != self._identity
        is_rotated = generation != self._generation
        is_page_new = page != self._control.identity
        if self._fd != _CLOSED and (is_page_new or (is_moved and not is_rotated)):
            self._warn_of_replacement()
        if is_moved or is_rotated:
            self._open()
        self._generation = generation
        self._check_at = monotonic() + _CHECK_SECONDS

    @contextmanager
    def _waiting_for_lock(self) -> Iterator[float]:
        """Yield how long the caller may wait for the lock, and deduct the time that it took."""
        start = monotonic()
        try:
            yield self._patience.left() if self._failing_since is None else 0.0
        finally:
            self._patience.spend_since(start)

    def _warn_of_replacement(self) -> None:
        _LOGGER.warning(
            "Another program removed or moved %s, or its folder or control page. It is recreated "
            "and logging continues.",
            self._path,
        )

    def _open(self) -> None:
        if not is_open(self._fd):
            self._fd = _CLOSED  # by the app; the next file may get its number
        fd = open_for_append(self._path)
        self._unverified.take()
        self._close_file()
        self._fd = fd
        self._end = self._limit
        self._torn = ends_torn(fd)
        if (identity := identity_of(fd)) != self._identity:
            self._identity = identity
            self._limit = self._max_bytes

    def _rotate(self, end: int) -> None:
        """Rotate the log, unless another process is doing so or has already done so."""
        self._limit = end + _RETRY_BYTES
        try:
            with self._control.locked(0) as held:
                if held and identity_of(self._path) == self._identity:
                    rotate(self._path, self._backups, self._control)
                elif held:
                    self._check_at = 0.0
        except OSError as error:
            raise_if_asynchronous(error)
            self.last_error = error.with_traceback(None)  # or it would keep frames alive
            if not self._warned:
                self._warned = True
                _LOGGER.warning(
                    "%s cannot be rotated and keeps growing: %s. Make its folder and %s writable "
                    "for every process that logs.",
                    self._path,
                    error,
                    self._control.path,
                )

    def _is_line_safe(self) -> bool:
        """Return whether the uncertain line is safe although files were moved.

        It is safe if its file still belongs to the log, was archived at least up to the end of the
        line, or was moved away by hand. It is lost if the file was removed, or archived before the
        line was written.

        Raises:
            LogLockedError: The process that moves the files was stopped; the line stays uncertain.
        """
        with self._waiting_for_lock() as seconds, self._control.locked(seconds) as held:
            if not held:
                raise LogLockedError(f"{self._control.path}: locked by a process that is stopped")
            end, self._uncertain_end = self._uncertain_end, None
            assert end is not None  # noqa: S101 - that is what the caller asks about
            identity = identity_of(self._fd)
            assert identity is not None  # noqa: S101 - the descriptor is open
            if identity in map(identity_of, log_files(self._path)):
                return True
            archived = self._control.tombstone_length(identity, self._generation)
            if archived is not None:
                return end <= archived
            return os.fstat(self._fd).st_nlink > 0
