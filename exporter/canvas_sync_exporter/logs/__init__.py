"""The log files: their size, their archives, their retention, what is in them.

The cleanup as functions for your own code; each takes its settings from the environment, as the
exporter does, unless it is given others.
"""

from __future__ import annotations

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
