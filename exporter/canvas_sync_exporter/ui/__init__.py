"""The web pages, and their mounting into an app of your own."""

from __future__ import annotations

from collections.abc import Callable

from flask import Flask, Request

from canvas_sync_exporter.web.app_context import context_of

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
    context = context_of(app)
    prefix = "/" + url_prefix.strip("/") if url_prefix.strip("/") else ""
    app.register_blueprint(ui_blueprint(context, prefix=prefix, authorize=authorize))
