"""Sets everything up for a Flask app that syncs with Canvas, in one call."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any, Final

from canvas_sync_core.settings import Settings, read, with_app_config
from canvas_sync_instrumentation.monitor import configure, current_monitor

from ._installed import instrument_installed

if TYPE_CHECKING:
    from flask import Flask

__all__ = ["init_app"]

_EXTENSION: Final = "canvas_sync"


def init_app(app: Flask, **settings_overrides: Any) -> None:
    """Record the Canvas syncs of a Flask app: API calls and database operations.

    Settings come from ``settings_overrides``, else from the keys ``CANVAS_SYNC_*`` of
    ``app.config``, else from the environment. As in Flask-SQLAlchemy, a relative SQLite URL in
    ``app.config`` starts at the instance folder. API calls are recorded for every installed client
    library that has a hook, and database operations for every SQLAlchemy engine.

    An application factory may call this any number of times and for several apps: a process has one
    monitor, which is replaced only if the settings differ. It is kept in
    ``app.extensions["canvas_sync"]``.

    Args:
        app: The app; only its ``extensions`` are changed.
        settings_overrides: Fields of :class:`~canvas_sync_core.settings.Settings`.

    Raises:
        SettingsError: A setting has a value that cannot be used.
    """
    environ = with_app_config(os.environ, app.config, app.instance_path)
    settings = read(Settings, environ, **settings_overrides)
    monitor = current_monitor()
    if monitor is None or monitor.settings != settings:
        monitor = configure(settings, environ=environ)
    app.extensions[_EXTENSION] = monitor
    instrument_installed()
