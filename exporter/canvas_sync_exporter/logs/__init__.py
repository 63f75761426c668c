"""The log files: their size, archives, retention and contents.

The cleanup is also available as functions for your own code. By default they read their settings
from the environment, like the exporter.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from canvas_sync_core.lazy import lazy_exports

if TYPE_CHECKING:
    from .cleanup_plan import (
        CleanupPlan as CleanupPlan,
        plan_cleanup as plan_cleanup,
    )
    from .cleanup import (
        CleanupReport as CleanupReport,
        CleanupRunning as CleanupRunning,
        CleanupStatus as CleanupStatus,
        cleanup_canvas_sync_logs as cleanup_canvas_sync_logs,
        delete_old_archives as delete_old_archives,
        get_cleanup_status as get_cleanup_status,
    )
    from .retention_settings import (
        RetentionSettings as RetentionSettings,
        make_retention_settings as make_retention_settings,
    )

_EXPORTS: Final = {
    "canvas_sync_exporter.logs.cleanup_plan": ("CleanupPlan", "plan_cleanup"),
    "canvas_sync_exporter.logs.cleanup": (
        "CleanupReport",
        "CleanupRunning",
        "CleanupStatus",
        "cleanup_canvas_sync_logs",
        "delete_old_archives",
        "get_cleanup_status",
    ),
    "canvas_sync_exporter.logs.retention_settings": (
        "RetentionSettings",
        "make_retention_settings",
    ),
}

__all__ = [name for names in _EXPORTS.values() for name in names]
__getattr__ = lazy_exports(__name__, _EXPORTS)
