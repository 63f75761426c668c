"""A lock that shows whether a job is already running, and ends with the processes that hold it."""

from __future__ import annotations

import os
from pathlib import Path

from canvas_sync_core.files.locking import try_lock, unlock
from canvas_sync_core.files.modes import PRIVATE_FILE, PRIVATE_FOLDER, make_folder, open_owned

__all__ = ["AlreadyRunningError", "PidLock"]


class AlreadyRunningError(Exception):
    """The job is already running; the message is the holder's description, possibly empty."""


class PidLock:
    """A lock on a file, from its creation to :meth:`release`.

    A child that inherits :attr:`fd` holds it too, so a command whose wrapper was killed still
    counts as running. The file is not removed, otherwise two processes could lock two different
    files.

    Args:
        file: Created if missing, with its folder.
        holder: A one-line description for processes that fail to get the lock.

    Raises:
        AlreadyRunningError: Another process holds it.
        OSError: The file cannot be made or written.

    Attributes:
        fd: The open file.
    """

    def __init__(self, file: Path, holder: str) -> None:
        make_folder(file.parent, PRIVATE_FOLDER)
        self.fd = open_owned(file, os.O_RDWR | os.O_CREAT, PRIVATE_FILE)
        try:
            self._take(holder)
        except BaseException:
            os.close(self.fd)
            raise

    def release(self) -> None:
        """Release the lock, even while a process that was given the file still has it open."""
        unlock(self.fd)
        os.close(self.fd)

    def _take(self, holder: str) -> None:
        if not try_lock(self.fd):
            raise AlreadyRunningError(os.pread(self.fd, 4096, 0).decode(errors="replace"))
        os.ftruncate(self.fd, 0)
        os.pwrite(self.fd, holder.encode(), 0)
