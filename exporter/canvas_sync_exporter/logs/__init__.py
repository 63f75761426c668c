"""The log files: their size, their archives, their retention, what is in them.

The cleanup as functions for your own code; each takes its settings from the environment, as the
exporter does, unless it is given others.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from canvas_sync_core.lazy import lazy_exports

if TYPE_CHECKING:
    from .plan import CleanupPlan, plan_cleanup
    from .retention import (
        CleanupReport,
        CleanupRunning,
        CleanupStatus,
        cleanup_canvas_sync_logs,
        delete_old_archives,
        get_cleanup_status,
    )
    from .retention_settings import RetentionSettings, make_retention_settings

__all__ = [
    "CleanupPlan",
    "CleanupReport",
    "CleanupRunning",
    "CleanupStatus",
    "RetentionSettings",
    "cleanup_canvas_sync_logs",
    "delete_old_archives",
    "get_cleanup_status",
    "make_retention_settings",
    "plan_cleanup",
]

_HOMES: Final = {
    "CleanupPlan": "canvas_sync_exporter.logs.plan",
    "CleanupReport": "canvas_sync_exporter.logs.retention",
    "CleanupRunning": "canvas_sync_exporter.logs.retention",
    "CleanupStatus": "canvas_sync_exporter.logs.retention",
    "RetentionSettings": "canvas_sync_exporter.logs.retention_settings",
    "cleanup_canvas_sync_logs": "canvas_sync_exporter.logs.retention",
    "delete_old_archives": "canvas_sync_exporter.logs.retention",
    "get_cleanup_status": "canvas_sync_exporter.logs.retention",
    "plan_cleanup": "canvas_sync_exporter.logs.plan",
    "make_retention_settings": "canvas_sync_exporter.logs.retention_settings",
}

__getattr__ = lazy_exports(__name__, _HOMES)
