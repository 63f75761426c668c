"""Makes every Canvas sync visible: logs, a table, metrics and traces.

::

    from canvas_sync_instrumentation import (
        CanvasSyncMetricsTracker, instrument_canvasapi, instrument_sqlalchemy,
    )

    instrument_canvasapi()
    instrument_sqlalchemy(engine)
    with CanvasSyncMetricsTracker("nightly-2026-11-23-42", user_id=42):
        sync_everything()
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from canvas_sync_core.lazy import lazy_exports

if TYPE_CHECKING:
    from canvas_sync_core.errors import (
        CanvasSyncMonitorError as CanvasSyncMonitorError,
        SettingsError as SettingsError,
        StorageError as StorageError,
        TrackerMisuseError as TrackerMisuseError,
    )
    from canvas_sync_core.logs.handler import (
        CanvasSyncRotatingFileHandler as CanvasSyncRotatingFileHandler,
    )
    from canvas_sync_core.names import RunStatus as RunStatus
    from canvas_sync_core.settings import Settings as Settings
    from canvas_sync_instrumentation.run.list_readings import first_items_only as first_items_only

    from .decorator import track_sync as track_sync
    from .integrations import (
        canvas_sync_task as canvas_sync_task,
        init_app as init_app,
        instrument_aiohttp as instrument_aiohttp,
        instrument_apscheduler as instrument_apscheduler,
        instrument_canvasapi as instrument_canvasapi,
        instrument_celery as instrument_celery,
        instrument_httpx as instrument_httpx,
        instrument_requests as instrument_requests,
        instrument_sqlalchemy as instrument_sqlalchemy,
        instrument_urllib3 as instrument_urllib3,
        uninstrument_aiohttp as uninstrument_aiohttp,
        uninstrument_canvasapi as uninstrument_canvasapi,
        uninstrument_celery as uninstrument_celery,
        uninstrument_httpx as uninstrument_httpx,
        uninstrument_requests as uninstrument_requests,
        uninstrument_sqlalchemy as uninstrument_sqlalchemy,
        uninstrument_urllib3 as uninstrument_urllib3,
    )
    from .monitor import (
        configure as configure,
        shutdown as shutdown,
    )
    from .propagation import (
        carry_run as carry_run,
        continue_trace as continue_trace,
        trace_headers as trace_headers,
    )
    from .throttle import ThrottleGuard as ThrottleGuard
    from .tracker import (
        CanvasSyncMetricsTracker as CanvasSyncMetricsTracker,
        current_tracker as current_tracker,
    )

_EXPORTS: Final = {
    "canvas_sync_core.errors": (
        "CanvasSyncMonitorError",
        "SettingsError",
        "StorageError",
        "TrackerMisuseError",
    ),
    "canvas_sync_core.logs.handler": ("CanvasSyncRotatingFileHandler",),
    "canvas_sync_core.names": ("RunStatus",),
    "canvas_sync_core.settings": ("Settings",),
    "canvas_sync_instrumentation.decorator": ("track_sync",),
    "canvas_sync_instrumentation.integrations": (
        "canvas_sync_task",
        "init_app",
        "instrument_aiohttp",
        "instrument_apscheduler",
        "instrument_canvasapi",
        "instrument_celery",
        "instrument_httpx",
        "instrument_requests",
        "instrument_sqlalchemy",
        "instrument_urllib3",
        "uninstrument_aiohttp",
        "uninstrument_canvasapi",
        "uninstrument_celery",
        "uninstrument_httpx",
        "uninstrument_requests",
        "uninstrument_sqlalchemy",
        "uninstrument_urllib3",
    ),
    "canvas_sync_instrumentation.monitor": ("configure", "shutdown"),
    "canvas_sync_instrumentation.propagation": ("carry_run", "continue_trace", "trace_headers"),
    "canvas_sync_instrumentation.run.list_readings": ("first_items_only",),
    "canvas_sync_instrumentation.throttle": ("ThrottleGuard",),
    "canvas_sync_instrumentation.tracker": ("CanvasSyncMetricsTracker", "current_tracker"),
}

__all__ = [name for names in _EXPORTS.values() for name in names]
__getattr__ = lazy_exports(__name__, _EXPORTS)


def __dir__() -> list[str]:
    return __all__
