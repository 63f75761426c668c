"""Automatic instrumentation of the libraries that a sync uses.

Each hook imports its library when it is switched on, none when this package is imported. A hook is
loaded when it is first used: an app that needs the one for requests does not wait for SQLAlchemy.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from canvas_sync_core.lazy import lazy_exports

if TYPE_CHECKING:
    from .aiohttp import (
        instrument_aiohttp as instrument_aiohttp,
        uninstrument_aiohttp as uninstrument_aiohttp,
    )
    from .apscheduler import instrument_apscheduler as instrument_apscheduler
    from .canvasapi import (
        instrument_canvasapi as instrument_canvasapi,
        uninstrument_canvasapi as uninstrument_canvasapi,
    )
    from .celery import (
        canvas_sync_task as canvas_sync_task,
        instrument_celery as instrument_celery,
        uninstrument_celery as uninstrument_celery,
    )
    from .flask import init_app as init_app
    from .httpx import (
        instrument_httpx as instrument_httpx,
        uninstrument_httpx as uninstrument_httpx,
    )
    from .requests import (
        instrument_requests as instrument_requests,
        uninstrument_requests as uninstrument_requests,
    )
    from .sqlalchemy import (
        instrument_sqlalchemy as instrument_sqlalchemy,
        uninstrument_sqlalchemy as uninstrument_sqlalchemy,
    )
    from .urllib3 import (
        instrument_urllib3 as instrument_urllib3,
        uninstrument_urllib3 as uninstrument_urllib3,
    )

_EXPORTS: Final = {
    "canvas_sync_instrumentation.integrations.aiohttp": (
        "instrument_aiohttp",
        "uninstrument_aiohttp",
    ),
    "canvas_sync_instrumentation.integrations.apscheduler": ("instrument_apscheduler",),
    "canvas_sync_instrumentation.integrations.canvasapi": (
        "instrument_canvasapi",
        "uninstrument_canvasapi",
    ),
    "canvas_sync_instrumentation.integrations.celery": (
        "canvas_sync_task",
        "instrument_celery",
        "uninstrument_celery",
    ),
    "canvas_sync_instrumentation.integrations.flask": ("init_app",),
    "canvas_sync_instrumentation.integrations.httpx": (
        "instrument_httpx",
        "uninstrument_httpx",
    ),
    "canvas_sync_instrumentation.integrations.requests": (
        "instrument_requests",
        "uninstrument_requests",
    ),
    "canvas_sync_instrumentation.integrations.sqlalchemy": (
        "instrument_sqlalchemy",
        "uninstrument_sqlalchemy",
    ),
    "canvas_sync_instrumentation.integrations.urllib3": (
        "instrument_urllib3",
        "uninstrument_urllib3",
    ),
}

__all__ = [name for names in _EXPORTS.values() for name in names]
__getattr__ = lazy_exports(__name__, _EXPORTS)
