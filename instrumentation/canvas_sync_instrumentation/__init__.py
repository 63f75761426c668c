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
        CanvasSyncMonitorError,
        SettingsError,
        StorageError,
        TrackerMisuseError,
    )
    from canvas_sync_core.logs.handler import CanvasSyncRotatingFileHandler
    from canvas_sync_core.names import RunStatus
    from canvas_sync_core.settings import Settings
    from canvas_sync_instrumentation.run.list_readings import first_items_only

    from .decorator import track_sync
    from .integrations import (
        canvas_sync_task,
        init_app,
        instrument_aiohttp,
        instrument_apscheduler,
        instrument_canvasapi,
        instrument_celery,
        instrument_httpx,
        instrument_requests,
        instrument_sqlalchemy,
        instrument_urllib3,
        uninstrument_aiohttp,
        uninstrument_canvasapi,
        uninstrument_celery,
        uninstrument_httpx,
        uninstrument_requests,
        uninstrument_sqlalchemy,
        uninstrument_urllib3,
    )
    from .monitor import configure, shutdown
    from .propagation import carry_run, continue_trace, trace_headers
    from .throttle import ThrottleGuard
    from .tracker import CanvasSyncMetricsTracker, current_tracker

__all__ = [
    "CanvasSyncMetricsTracker",
    "CanvasSyncMonitorError",
    "CanvasSyncRotatingFileHandler",
    "RunStatus",
    "Settings",
    "SettingsError",
    "StorageError",
    "ThrottleGuard",
    "TrackerMisuseError",
    "canvas_sync_task",
    "carry_run",
    "configure",
    "continue_trace",
    "current_tracker",
    "first_items_only",
    "init_app",
    "instrument_aiohttp",
    "instrument_apscheduler",
    "instrument_canvasapi",
    "instrument_celery",
    "instrument_httpx",
    "instrument_requests",
    "instrument_sqlalchemy",
    "instrument_urllib3",
    "shutdown",
    "trace_headers",
    "track_sync",
    "uninstrument_aiohttp",
    "uninstrument_canvasapi",
    "uninstrument_celery",
    "uninstrument_httpx",
    "uninstrument_requests",
    "uninstrument_sqlalchemy",
    "uninstrument_urllib3",
]

_HOMES: Final = {
    "CanvasSyncMetricsTracker": "canvas_sync_instrumentation.tracker",
    "CanvasSyncMonitorError": "canvas_sync_core.errors",
    "CanvasSyncRotatingFileHandler": "canvas_sync_core.logs.handler",
    "RunStatus": "canvas_sync_core.names",
    "Settings": "canvas_sync_core.settings",
    "SettingsError": "canvas_sync_core.errors",
    "StorageError": "canvas_sync_core.errors",
    "ThrottleGuard": "canvas_sync_instrumentation.throttle",
    "TrackerMisuseError": "canvas_sync_core.errors",
    "canvas_sync_task": "canvas_sync_instrumentation.integrations",
    "carry_run": "canvas_sync_instrumentation.propagation",
    "configure": "canvas_sync_instrumentation.monitor",
    "continue_trace": "canvas_sync_instrumentation.propagation",
    "current_tracker": "canvas_sync_instrumentation.tracker",
    "first_items_only": "canvas_sync_instrumentation.run.list_readings",
    "init_app": "canvas_sync_instrumentation.integrations",
    "instrument_aiohttp": "canvas_sync_instrumentation.integrations",
    "instrument_apscheduler": "canvas_sync_instrumentation.integrations",
    "instrument_canvasapi": "canvas_sync_instrumentation.integrations",
    "instrument_celery": "canvas_sync_instrumentation.integrations",
    "instrument_httpx": "canvas_sync_instrumentation.integrations",
    "instrument_requests": "canvas_sync_instrumentation.integrations",
    "instrument_sqlalchemy": "canvas_sync_instrumentation.integrations",
    "instrument_urllib3": "canvas_sync_instrumentation.integrations",
    "shutdown": "canvas_sync_instrumentation.monitor",
    "trace_headers": "canvas_sync_instrumentation.propagation",
    "track_sync": "canvas_sync_instrumentation.decorator",
    "uninstrument_aiohttp": "canvas_sync_instrumentation.integrations",
    "uninstrument_canvasapi": "canvas_sync_instrumentation.integrations",
    "uninstrument_celery": "canvas_sync_instrumentation.integrations",
    "uninstrument_httpx": "canvas_sync_instrumentation.integrations",
    "uninstrument_requests": "canvas_sync_instrumentation.integrations",
    "uninstrument_sqlalchemy": "canvas_sync_instrumentation.integrations",
    "uninstrument_urllib3": "canvas_sync_instrumentation.integrations",
}


__getattr__ = lazy_exports(__name__, _HOMES)


def __dir__() -> list[str]:
    return __all__
