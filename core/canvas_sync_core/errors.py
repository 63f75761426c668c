"""The errors of this library.

::

    CanvasSyncMonitorError
    ├── SettingsError        a setting has a value that cannot be used
    ├── TrackerMisuseError   a tracker was used incorrectly
    └── StorageError         the table is missing, too old or too new

Each message says what is wrong and what to do next. In production none of them leaves the
instrumentation while a sync runs: see :class:`canvas_sync_instrumentation.monitor.Monitor`.
"""

from __future__ import annotations

__all__ = ["CanvasSyncMonitorError", "SettingsError", "StorageError", "TrackerMisuseError"]


class CanvasSyncMonitorError(Exception):
    """Base class of every error that this library raises on purpose."""


class SettingsError(CanvasSyncMonitorError, ValueError):
    """A setting has a value that cannot be used; the message names the setting."""


class TrackerMisuseError(CanvasSyncMonitorError):
    """A tracker was used incorrectly, such as by completing a run twice."""


class StorageError(CanvasSyncMonitorError):
    """The ``canvas_sync_metrics`` table is missing, too old or too new for this version."""
