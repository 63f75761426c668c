"""Restores the metric files when their folder is changed by another program."""

from __future__ import annotations

import errno
from typing import Final

from canvas_sync_core.app_log import app_logger
from canvas_sync_core.clock import monotonic
from canvas_sync_core.sinks import fault_of
from canvas_sync_core.wording import counted

from . import MetricFiles

__all__ = ["FileUpkeep"]

_CHECK_SECONDS: Final = 1.0
_FULL: Final = frozenset({errno.ENOSPC, errno.EDQUOT})
_logger = app_logger(__name__)


class FileUpkeep:
    """Checks regularly that all files exist, and logs once if they do not.

    Writing to a mapped file that was removed causes no error, but no one can read the values.

    Args:
        files: The files to look after.
    """

    def __init__(self, files: MetricFiles) -> None:
        self._files = files
        self._next_check = 0.0
        self._is_failing = False

    @property
    def fault(self) -> str | None:
        """Why some counts are not in files where readers find them; None if all are."""
        if not self._is_failing:
            return None
        return fault_of(self._files.folder, self._files.last_error)

    def restore_when_due(self) -> None:
        """Call :meth:`restore`, about once a second."""
        if monotonic() >= self._next_check:
            self.restore()

    def restore(self) -> bool:
        """Recreate files that were removed, and store series that have no place in a file yet.

        Returns:
            Whether all counts are in files where readers find them.
        """
        with self._files.lock:
            self._next_check = monotonic() + _CHECK_SECONDS
            self._files.detach_truncated()
            is_displaced = self._files.displaced() > 0
            is_well = self._files.recreate() and self._files.store_waiting()
            if is_displaced and is_well:
                _logger.warning(
                    "Another program removed, moved or emptied metric files in %s. They are "
                    "recreated with all counts.",
                    self._files.folder,
                )
            elif not is_well and not self._is_failing:
                _logger.warning(
                    "Metrics cannot be written to %s: %s. Counts stay in memory; if they still "
                    "cannot be written when the process ends, they are lost.",
                    self._files.folder,
                    self._files.last_error,
                )
            self._is_failing = not is_well
            self._files.keep_copies()
            return is_well

    def losses(self) -> tuple[str, int]:
        """Return what is lost when the process ends: the reason and the number of series."""
        error = self._files.last_error
        count = self._files.waiting + self._files.displaced()
        _logger.warning(
            "Lost %s: they could not be written to %s.",
            counted(count, "metric series or file"),
            self._files.folder,
        )
        return "disk_full" if error is not None and error.errno in _FULL else "io_error", count
