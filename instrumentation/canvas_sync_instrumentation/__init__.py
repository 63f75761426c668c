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

from .lazy import lazy_exports

if TYPE_CHECKING:
    from .carry import carry_run, continue_trace, trace_headers
    from .decorator import track_sync
    from .errors import CanvasSyncMonitorError, SettingsError, StorageError, TrackerMisuseError
    from .hooks import (
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
    from .listreadings import first_items_only
    from .logfile.handler import CanvasSyncRotatingFileHandler
    from .monitor import configure, shutdown
    from .names import RunStatus
    from .settings import Settings
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
    "CanvasSyncMetricsTracker": "tracker",
    "CanvasSyncMonitorError": "errors",
    "CanvasSyncRotatingFileHandler": "logfile.handler",
    "RunStatus": "names",
    "Settings": "settings",
    "SettingsError": "errors",
    "StorageError": "errors",
    "ThrottleGuard": "throttle",
    "TrackerMisuseError": "errors",
    "canvas_sync_task": "hooks",
    "carry_run": "carry",
    "configure": "monitor",
    "continue_trace": "carry",
    "current_tracker": "tracker",
    "first_items_only": "listreadings",
    "init_app": "hooks",
    "instrument_aiohttp": "hooks",
    "instrument_apscheduler": "hooks",
    "instrument_canvasapi": "hooks",
    "instrument_celery": "hooks",
    "instrument_httpx": "hooks",
    "instrument_requests": "hooks",
    "instrument_sqlalchemy": "hooks",
    "instrument_urllib3": "hooks",
    "shutdown": "monitor",
    "trace_headers": "carry",
    "track_sync": "decorator",
    "uninstrument_aiohttp": "hooks",
    "uninstrument_canvasapi": "hooks",
    "uninstrument_celery": "hooks",
    "uninstrument_httpx": "hooks",
    "uninstrument_requests": "hooks",
    "uninstrument_sqlalchemy": "hooks",
    "uninstrument_urllib3": "hooks",
}


__getattr__ = lazy_exports(__name__, _HOMES)


def __dir__() -> list[str]:
    return __all__
