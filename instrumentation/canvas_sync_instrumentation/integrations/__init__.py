"""Automatic instrumentation of the libraries that a sync uses.

Each hook imports its library when it is switched on, none when this package is imported.
"""

from __future__ import annotations

from .aiohttp import instrument_aiohttp, uninstrument_aiohttp
from .apscheduler import instrument_apscheduler
from .canvasapi import instrument_canvasapi, uninstrument_canvasapi
from .celery import canvas_sync_task, instrument_celery, uninstrument_celery
from .flask import init_app
from .httpx import instrument_httpx, uninstrument_httpx
from .requests import instrument_requests, uninstrument_requests
from .sqlalchemy import instrument_sqlalchemy, uninstrument_sqlalchemy
from .urllib3 import instrument_urllib3, uninstrument_urllib3

__all__ = [
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
]
