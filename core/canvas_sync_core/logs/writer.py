"""Appending lines to a log that other processes append to and rotate at the same time.

A line is one ``write`` on a descriptor opened with ``O_APPEND``. Before it the writer compares the
generation on the :class:`~.control.ControlPage` and reopens the log when it changed; after it, it
compares again. Unchanged means that nobody had begun to move files, so the line is in the log. If a
rotation ran in between, the line may have gone to a file that is already removed or archived: then,
and only then, the writer looks, and writes the line again when it is nowhere else. While whoever
moves the files is stopped in the middle of it, nobody can know: the line waits, unsettled, in
memory too.

A log that an operator removes takes lines without an error. So the newest lines are kept until the
file is seen to have a name still, and are written again to a new one when it has none.

Lines that cannot be written yet wait in memory, in order. They are tried again at the next append,
at :meth:`LogFileWriter.flush`, and by a thread that lives as long as lines wait. A line has been
written when ``append`` returned and nothing is pending; from then on the death of the process does
not lose it.
"""

from __future__ import annotations

import errno
import logging
import os
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from canvas_sync_core.asynchronous import raise_if_asynchronous
from canvas_sync_core.clock import monotonic
from canvas_sync_core.files.identity import Identity, identity_of
from canvas_sync_core.locks import RLock
from canvas_sync_core.sinks import fault_of

from .control import ControlPage, LogLockedError
from .opening import ends_torn, open_for_append
from .patience import Patience
from .pending import PENDING_BYTES, PendingLines
from .retry import BackgroundRetry
from .rotation import control_path, log_files, rotate
from .unverified import UnverifiedLines

__all__ = ["LogFileWriter"]

_CHECK_SECONDS: Final = 1.0  # how soon a log that was removed or moved by hand is noticed
_RETRY_BYTES: Final = 64 * 1024  # growth after which a rotation that could not run is tried again
_FLUSH_SECONDS: Final = 0.02
_LOCKED_SECONDS: Final = 1.0  # a log that is locked for less is not worth a warning
_CLOSED: Final = -1
_UNKNOWN: Final = -1
_LOGGER: Final = logging.getLogger(__name__)


class LogFileWriter:
    """Writes one log, together with any number of threads and processes.

    Nothing is opened before the first line. No method raises OSError: what cannot be written waits
    and is dropped, counted, when more than :data:`~.pending.PENDING_BYTES` wait. No call waits for
    another process longer than 0.1 s in all, however many threads log.

    Args:
        path: The log; its folder is made when missing.
        max_bytes: Size at which it is rotated; 0 for never.
        backups: How many rotated files are kept, at least 1.
        control_dir: Folder of the control page, the same for all processes, on a local disk.
        on_drop: Told the reason (``disk_full``, ``io_error``, ``closed``) and number of lost lines.
        patience: How long locks may be waited for, when other logs share it.

    Attributes:
        last_error: The newest error of the operating system, for a health check.
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
        self._path = path.absolute()  # wherever the app goes
        self._max_bytes = max_bytes or sys.maxsize
        self._backups = backups
        self._on_drop = on_drop
        self._control = ControlPage(control_path(control_dir, path))
        self._mutex = RLock()
        self._retry = BackgroundRetry(lambda: self.flush(0), "canvas-sync-log")
        self._patience = patience or Patience()
        self._closed = False
        self._warned = False
        self._start_anew()

    def _start_anew(self) -> None:
        self._busy = False
        self._torn = False  # the next write has to end a line first
        self._queue = PendingLines()
        self._unverified = UnverifiedLines()
        self._failing_since: float | None = None
        self._failure_told = False
        # Where the first line of the queue ends in the open file, if that may have been moved.
        self._unsettled: int | None = None
        self._begun: bytes | None = None  # the line whose write was begun last
        self._fd = _CLOSED
        self._identity: Identity | None = None
        self._words: Sequence[int] = (0,)
        self._generation = _UNKNOWN
        self._check_at = 0.0
        self._try_at = 0.0  # no line tries a log before then that was locked
        self._limit = self._max_bytes

    @property
    def fault(self) -> str | None:
        """Why the log cannot be written now, and has not been for a while; None while it can."""
        return fault_of(self._path, self.last_error) if self._failure_told else None

    @property
    def pending(self) -> int:
        """How many lines wait in memory."""
        return len(self._queue)

    def append(self, line: bytes) -> None:
        """Write one whole line, its newline included."""
        with self._mutex:
            self._keep(line)
            # Busy: called by a signal handler in the middle of this, which then writes it.
            if not self._busy and not self._closed and monotonic() >= self._try_at:
                self._write_pending()

    def flush(self, timeout: float) -> bool:
        """Write what is pending, trying for ``timeout`` seconds; tell whether nothing is left."""
        deadline = monotonic() + timeout
        while True:
            with self._mutex:
                if not self._busy:
                    self._write_pending(verify=True)
                if not self._queue and not self._torn:
                    return True
            if monotonic() >= deadline:
                return False
            time.sleep(_FLUSH_SECONDS)

    def close(self, timeout: float) -> None:
        """Write what is pending, trying for ``timeout`` seconds, drop the rest and let go."""
        self.flush(timeout)
        with self._mutex:
            self._closed = True
            if lost := len(self._queue):
                self._on_drop(self._reason(), lost)
                _LOGGER.warning("%d lines of %s are lost.", lost, self._path)
            if not self._busy:
                self._close_file()
                self._start_anew()

    def after_fork_in_child(self) -> None:
        """Start anew in a forked child; what was pending is the parent's to write."""
        self._mutex = RLock()
        self._retry.after_fork_in_child()
        self._control.after_fork_in_child()
        self._close_file()
        self._start_anew()

    def _close_file(self) -> None:
        # The number is forgotten before it is free, so that nobody closes another file by it.
        fd, self._fd = self._fd, _CLOSED
        if fd != _CLOSED:
            os.close(fd)

    def _write_pending(self, *, verify: bool = False) -> None:
        self._busy = True
        try:
            self._finish_interrupted()
            while self._queue or (verify and self._unverified):
                if verify or self._unverified.are_many or monotonic() >= self._check_at:
                    self._verify()
                if self._queue:
                    self._write(self._queue.first)
                    self._queue.remove_first()
                    self._begun = None
            if self._torn:
                self._put(b"")
                self._unsettled = None  # the end of a line is nothing that could be missed
            self._failing_since, self._failure_told = None, False
        except OSError as error:
            raise_if_asynchronous(error)
            self._begun = None
            self._note_failure(error)
        finally:
            self._busy = False

    def _finish_interrupted(self) -> None:
        """Do not write a line again whose write an asynchronous exception kept from being noted."""
        line = self._begun
        if line is not None and self._queue and self._queue.first is line and self._fd != _CLOSED:
            end = os.lseek(self._fd, 0, os.SEEK_CUR)
            if os.pread(self._fd, len(line), max(0, end - len(line))) == line:
                self._torn = False
                self._unsettled = end

    def _note_failure(self, error: OSError) -> None:
        """Try again in the background; tell once that the log is not written, until it is."""
        self.last_error = error.with_traceback(None)  # which would keep frames and the writer
        now = monotonic()
        if self._failing_since is None:
            self._failing_since = now
        is_locked = isinstance(error, LogLockedError)
        is_brief = is_locked and now < self._failing_since + _LOCKED_SECONDS
        if is_locked:  # or all threads that log would wait for the attempts of each other
            self._try_at = now + _FLUSH_SECONDS
        if not self._failure_told and not is_brief:
            self._failure_told = True
            _LOGGER.warning(
                "%s cannot be written: %s. Lines wait in memory, up to %d bytes; what is more, or "
                "still waits at the end of the process, is lost and counted.",
                self._path,
                error,
                PENDING_BYTES,
            )
        if not self._closed:
            self._retry.start()

    def _keep(self, line: bytes) -> None:
        if self._closed:
            self._on_drop("closed", 1)
        elif not self._queue.add(line):
            self._on_drop(self._reason(), 1)

    def _reason(self) -> str:
        full = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
        code = self.last_error.errno if self.last_error else None
        return "disk_full" if code in full else "io_error"

    def _verify(self) -> None:
        """Take lines back that were lost with a log that somebody removed; look at the log anew."""
        # Nobody of ours removes it without a new generation.
        if self._unverified and self._is_current() and self._is_removed():
            self._queue.put_back(self._unverified.take())
            self._check_at = 0.0
        self._unverified.take()
        if monotonic() >= self._check_at:
            self._refresh()

    def _is_current(self) -> bool:
        """Tell whether nobody has begun to move files since the log was opened."""
        return self._control.is_whole and self._words[0] == self._generation

    def _is_removed(self) -> bool:
        has_name = os.fstat(self._fd).st_nlink > 0
        return not has_name and identity_of(self._path) != self._identity

    def _write(self, line: bytes) -> None:
        """Write the first line of the queue; when this returns it is in the log or an archive."""
        while self._unsettled is not None or not self._put(line):
            if self._is_line_safe():
                return

    def _put(self, line: bytes) -> bool:
        """Write one line; tell whether it is in the log for certain, otherwise it is unsettled."""
        if self._fd == _CLOSED or not self._is_current():
            self._refresh()
        fd = self._fd
        data = b"\n" + line if self._torn else line
        self._begun = line
        missing = len(data) - os.write(fd, data)
        self._torn = missing > 0
        if missing > 1:  # a missing newline alone is owed, not the line
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(self._path))
        end = os.lseek(fd, 0, os.SEEK_CUR)
        if not self._is_current():
            self._unsettled = end
            return False
        self._unverified.add(line)
        if end >= self._limit:
            self._rotate(end)
        return True

    def _refresh(self) -> None:
        """Open the log, or open it anew when it was rotated, removed or moved away."""
        page = self._control.identity
        self._words = self._control.refresh()
        with self._waiting_for_lock() as seconds:
            # Before the open: at worst it is opened again.
            generation = self._control.generation(seconds)
        is_moved = identity_of(self._path) != self._identity
        is_rotated = generation != self._generation
        is_page_new = page != self._control.identity
        if self._fd != _CLOSED and (is_page_new or (is_moved and not is_rotated)):
            self._tell_of_replacement()
        if is_moved or is_rotated:
            self._open()
        self._generation = generation
        self._check_at = monotonic() + _CHECK_SECONDS

    @contextmanager
    def _waiting_for_lock(self) -> Iterator[float]:
        """Give how long the lock may be waited for now, and count how long that took."""
        start = monotonic()
        try:
            yield self._patience.left() if self._failing_since is None else 0.0
        finally:
            self._patience.spend_since(start)

    def _tell_of_replacement(self) -> None:
        _LOGGER.warning(
            "%s, or its folder or control page, was removed or moved by another program. It is "
            "made anew and written on.",
            self._path,
        )

    def _open(self) -> None:
        fd = open_for_append(self._path)
        self._unverified.take()
        self._close_file()
        self._fd = fd
        self._torn = ends_torn(fd)
        if (identity := identity_of(fd)) != self._identity:
            self._identity = identity
            self._limit = self._max_bytes

    def _rotate(self, end: int) -> None:
        """Rotate the log, unless another process does so now or did so before."""
        self._limit = end + _RETRY_BYTES
        try:
            with self._control.locked(0) as held:
                if held and identity_of(self._path) == self._identity:
                    rotate(self._path, self._backups, self._control)
                elif held:
                    self._check_at = 0.0
        except OSError as error:
            raise_if_asynchronous(error)
            self.last_error = error.with_traceback(None)  # which would keep frames and the writer
            if not self._warned:
                self._warned = True
                _LOGGER.warning(
                    "%s cannot be rotated and grows on: %s. Let its folder and %s be writable for "
                    "every process that logs.",
                    self._path,
                    error,
                    self._control.path,
                )

    def _is_line_safe(self) -> bool:
        """Tell whether the unsettled line is safe though files were moved.

        It is when its file still belongs to the log, was archived up to the end of the line at
        least, or was moved away by hand. It is not when the file was removed, or archived before
        the line came.

        Raises:
            LogLockedError: Whoever moves the files was stopped; the line stays unsettled.
        """
        with self._waiting_for_lock() as seconds, self._control.locked(seconds) as held:
            if not held:
                raise LogLockedError(f"{self._control.path}: locked by a process that is stopped")
            end, self._unsettled = self._unsettled, None
            assert end is not None  # noqa: S101 - that is what the caller asks about
            identity = identity_of(self._fd)
            assert identity is not None  # noqa: S101 - the descriptor is open
            if identity in map(identity_of, log_files(self._path)):
                return True
            archived = self._control.claimed_length(identity, self._generation)
            if archived is not None:
                return end <= archived
            return os.fstat(self._fd).st_nlink > 0
