"""Log files that several processes write without losing, tearing or doubling a line.

:class:`LogFileWriter` is the writer, :class:`CanvasSyncRotatingFileHandler` the same as a standard
logging handler. How it works is told in :mod:`.writer`, :mod:`.control` and :mod:`.rotation`.
"""

from __future__ import annotations

from canvas_sync_core.files.sanitizing import escape_controls, escape_json_controls

from .filesystem import network_filesystem_warning
from .handler import CanvasSyncRotatingFileHandler
from .writer import LogFileWriter

__all__ = [
    "CanvasSyncRotatingFileHandler",
    "LogFileWriter",
    "escape_controls",
    "escape_json_controls",
    "network_filesystem_warning",
]
