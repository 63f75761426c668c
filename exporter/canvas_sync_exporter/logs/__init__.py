"""The log files: their size, their archives, their retention, what is in them.

The cleanup as functions for your own code; each takes its settings from the environment, as the
exporter does, unless it is given others.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from canvas_sync_instrumentation.lazy import lazy_exports

if TYPE_CHECKING:
    from .kept import RetentionSettings, retention_settings
    from .plan import CleanupPlan, plan_cleanup
    from .retention import (
        CleanupReport,
        CleanupRunning,
        CleanupStatus,
        cleanup_canvas_sync_logs,
        delete_old_archives,
        get_cleanup_status,
    )

__all__ = [
    "CleanupPlan",
    "CleanupReport",
    "CleanupRunning",
    "CleanupStatus",
    "RetentionSettings",
    "cleanup_canvas_sync_logs",
    "delete_old_archives",
    "get_cleanup_status",
    "plan_cleanup",
    "retention_settings",
]

_HOMES: Final = {
    "CleanupPlan": "plan",
    "CleanupReport": "retention",
    "CleanupRunning": "retention",
    "CleanupStatus": "retention",
    "RetentionSettings": "kept",
    "cleanup_canvas_sync_logs": "retention",
    "delete_old_archives": "retention",
    "get_cleanup_status": "retention",
    "plan_cleanup": "plan",
    "retention_settings": "kept",
}

__getattr__ = lazy_exports(__name__, _HOMES)
