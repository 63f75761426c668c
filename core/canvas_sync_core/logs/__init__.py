"""Log files that several processes write without losing, tearing or duplicating lines.

:class:`LogFileWriter` is the writer, :class:`CanvasSyncRotatingFileHandler` the same as a standard
logging handler. :mod:`.writer`, :mod:`.control` and :mod:`.rotation` explain how it works.
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
