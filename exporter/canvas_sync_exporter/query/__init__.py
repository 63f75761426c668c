"""Queries of runs and statistics as Python functions, with the same answers as the REST API.

Each function reads the database that the settings name (``CANVAS_SYNC_DATABASE_URL``), or that of
``engine``. Periods have ``since`` (inclusive) and ``until`` (exclusive); each is a time, a date
(its midnight), an age (``timedelta``), or a text such as ``2025-12-22``, ``2025-12-22T10:15:30Z``
or ``24h``. Dates, and times without a zone, are in the time zone ``tz``.

Functions raise ``ValueError`` for an argument that cannot be used, ``SettingsError`` for a setting,
``StorageError`` if the table is missing or the rollups are too far behind, and ``SQLAlchemyError``
if the database is unreachable.
"""

from __future__ import annotations

from .logs import get_run_calls, get_run_lines, get_run_steps
from .runs import (
    get_run,
    get_run_facets,
    get_run_history,
    get_running,
    get_runs,
    iter_runs,
)
from .statistics import (
    get_error_series,
    get_freshness,
    get_performance,
    get_series,
    get_sync_metrics,
    get_top_errors,
)

__all__ = [
    "get_error_series",
    "get_freshness",
    "get_performance",
    "get_run",
    "get_run_calls",
    "get_run_facets",
    "get_run_history",
    "get_run_lines",
    "get_run_steps",
    "get_running",
    "get_runs",
    "get_series",
    "get_sync_metrics",
    "get_top_errors",
    "iter_runs",
]
