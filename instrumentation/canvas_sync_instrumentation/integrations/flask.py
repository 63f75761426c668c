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
    ``app.config``, else from the environment. A relative SQLite URL in ``app.config`` is the file
    in the instance folder that Flask-SQLAlchemy means by it. API calls are seen through every
    client library that has a hook and is installed, database operations through every SQLAlchemy
    engine. It may be called by an application factory, any number of times and for several apps: a
    process has one monitor, which is replaced only when the settings differ. It is kept in
    ``app.extensions["canvas_sync"]``.

    Args:
        app: The app; nothing of it is changed but ``extensions``.
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
