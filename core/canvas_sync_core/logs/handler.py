"""The lossless writer as a standard logging handler."""

from __future__ import annotations

import logging
import os
from pathlib import Path

from canvas_sync_core.asynchronous import raise_if_asynchronous
from canvas_sync_core.files.sanitizing import escape_controls
from canvas_sync_core.identifiers import getpid

from .writer import LogFileWriter

__all__ = ["CanvasSyncRotatingFileHandler"]

_CLOSE_SECONDS = 1.0


class CanvasSyncRotatingFileHandler(logging.Handler):
    r"""Writes each record as one line to a log that several processes share.

    Its arguments are those of the standard ``RotatingFileHandler``, so in a
    ``logging.config.dictConfig`` only the class name has to be changed. A line break within a
    record, as in a traceback, is written as ``\n``.

    Args:
        filename: The log.
        mode: Only ``a`` is supported.
        maxBytes: Size in bytes at which it is rotated; 0 means never.
        backupCount: How many rotated files are kept; 0 means that it is never rotated.
        encoding: Only ``utf-8`` is supported.
        delay: Ignored: the log is always opened with the first record.
        errors: Ignored: what UTF-8 cannot encode becomes a visible escape.
        control_dir: Folder of the control page; default ``state/control`` next to the log.

    Attributes:
        dropped: Number of records that were lost because they could not be written.

    Raises:
        ValueError: ``maxBytes`` or ``backupCount`` is negative, or the mode or encoding is not
            supported.
    """

    def __init__(  # noqa: PLR0917 - in the order of the standard handler
        self,
        filename: str | os.PathLike[str],
        mode: str = "a",
        maxBytes: int = 0,  # noqa: N803 - the standard handler's spelling
        backupCount: int = 0,  # noqa: N803 - the standard handler's spelling
        encoding: str | None = None,
        delay: bool = False,
        errors: str | None = None,
        *,
        control_dir: str | os.PathLike[str] | None = None,
    ) -> None:
        if encoding is not None and encoding.lower() not in {"utf-8", "utf8"}:
            raise ValueError(f"encoding must be utf-8, not {encoding!r}")
        if mode != "a":
            raise ValueError(f"mode must be 'a', not {mode!r}: a shared log is only appended to")
        if min(maxBytes, backupCount) < 0:
            raise ValueError("maxBytes and backupCount must be 0 or more")
        super().__init__()
        path = Path(filename).absolute()
        self.dropped = 0
        self._pid = getpid()
        self._writer = LogFileWriter(
            path,
            max_bytes=maxBytes if backupCount else 0,
            backups=backupCount or 1,
            control_dir=Path(control_dir) if control_dir else path.parent / "state" / "control",
            on_drop=self._count_dropped,
        )

    def _count_dropped(self, _reason: str, count: int) -> None:
        self.dropped += count

    def emit(self, record: logging.LogRecord) -> None:
        """Write one record."""
        try:
            # Users may use this handler on its own, so it has to detect forks itself.
            if (pid := getpid()) != self._pid:
                self._writer.after_fork_in_child()
                self._pid = pid
            self._writer.append(f"{escape_controls(self.format(record))}\n".encode())
        except Exception as error:  # noqa: BLE001 - the logging protocol: every error goes to handleError
            raise_if_asynchronous(error)
            self.handleError(record)

    def flush(self) -> None:
        """Try once to write what is pending."""
        self._writer.flush(0)

    def close(self) -> None:
        """Write what is pending, then close the log."""
        self._writer.close(_CLOSE_SECONDS)
        super().close()
