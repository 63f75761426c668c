"""The web pages, and their mounting into an app of your own."""

from __future__ import annotations

import os
import weakref
from collections.abc import Callable

from flask import Flask, Request

from canvas_sync_core.settings import with_app_config
from canvas_sync_core.store.database import open_engine
from canvas_sync_exporter.settings import full_configuration
from canvas_sync_exporter.web.access import Access
from canvas_sync_exporter.web.auth import TokenFile
from canvas_sync_exporter.web.context import WebContext

from .blueprint import ui_blueprint

__all__ = ["register_canvas_sync_ui", "ui_blueprint"]


def register_canvas_sync_ui(
    app: Flask,
    authorize: Callable[[Request], bool] | None = None,
    *,
    url_prefix: str = "/canvas-sync",
) -> None:
    """Add the web pages to an app of your own, and change nothing else.

    The settings are those of the exporter; where ``app.config`` has one by its name
    (``CANVAS_SYNC_LOG_DIR``), that wins over the environment. Neither the app's secret key nor its
    session, templates or headers are used.

    Args:
        app: The app.
        authorize: Called with each request; returns whether the app's own login allows it. A form
            is a request with the method POST. Without it, visitors sign in with a token of
            ``CANVAS_SYNC_TOKENS_FILE``; without that file too, only this machine is answered.
        url_prefix: Where the pages are in the app.

    Raises:
        SettingsError: A setting or the tokens file cannot be used.
    """
    config = full_configuration(with_app_config(os.environ, app.config, app.instance_path))
    tokens_file = config.exporter.tokens_file
    access = Access(TokenFile(tokens_file) if tokens_file else None)
    engine = open_engine(config.app.resolved_database_url)
    weakref.finalize(app, engine.dispose).atexit = False  # tests of the app make many apps
    context = WebContext(config, engine, access)
    prefix = "/" + url_prefix.strip("/") if url_prefix.strip("/") else ""
    app.register_blueprint(ui_blueprint(context, prefix=prefix, authorize=authorize))
