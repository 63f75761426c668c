"""Log files that several processes write without losing, tearing or duplicating lines.

:class:`LogFileWriter` is the writer, :class:`CanvasSyncRotatingFileHandler` the same as a standard
logging handler. :mod:`.writer`, :mod:`.control` and :mod:`.rotation` explain how it works.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from canvas_sync_core.lazy import lazy_exports

if TYPE_CHECKING:
    from canvas_sync_core.files.sanitizing import (
        escape_controls as escape_controls,
        escape_json_controls as escape_json_controls,
    )

    from .filesystem import network_filesystem_warning as network_filesystem_warning
    from .handler import CanvasSyncRotatingFileHandler as CanvasSyncRotatingFileHandler
    from .writer import LogFileWriter as LogFileWriter

_EXPORTS: Final = {
    "canvas_sync_core.files.sanitizing": ("escape_controls", "escape_json_controls"),
    "canvas_sync_core.logs.filesystem": ("network_filesystem_warning",),
    "canvas_sync_core.logs.handler": ("CanvasSyncRotatingFileHandler",),
    "canvas_sync_core.logs.writer": ("LogFileWriter",),
}

__all__ = [name for names in _EXPORTS.values() for name in names]
__getattr__ = lazy_exports(__name__, _EXPORTS)
