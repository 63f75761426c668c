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

from .carry import carry_run, continue_trace, trace_headers
from .errors import CanvasSyncMonitorError, SettingsError, StorageError, TrackerMisuseError
from .hooks import (
    init_app,
    instrument_canvasapi,
    instrument_requests,
    instrument_sqlalchemy,
    uninstrument_canvasapi,
    uninstrument_requests,
    uninstrument_sqlalchemy,
)
from .logfile.handler import CanvasSyncRotatingFileHandler
from .monitor import configure, shutdown
from .names import RunStatus
from .settings import Settings
from .tracker import CanvasSyncMetricsTracker

__all__ = [
    "CanvasSyncMetricsTracker",
    "CanvasSyncMonitorError",
    "CanvasSyncRotatingFileHandler",
    "RunStatus",
    "Settings",
    "SettingsError",
    "StorageError",
    "TrackerMisuseError",
    "carry_run",
    "configure",
    "continue_trace",
    "init_app",
    "instrument_canvasapi",
    "instrument_requests",
    "instrument_sqlalchemy",
    "shutdown",
    "trace_headers",
    "uninstrument_canvasapi",
    "uninstrument_requests",
    "uninstrument_sqlalchemy",
]
