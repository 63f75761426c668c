"""The context of the API and the pages in a user's own app."""

from __future__ import annotations

import os
import weakref

from flask import Flask

from canvas_sync_core.settings import with_app_config
from canvas_sync_core.store.database import open_engine
from canvas_sync_exporter.settings import full_configuration

from .access import Access
from .auth import TokenFile
from .context import WebContext

__all__ = ["context_of"]


def context_of(app: Flask) -> WebContext:
    """Make the context from the settings of an app, which win over the environment.

    Raises:
        SettingsError: A setting or the tokens file cannot be used.
    """
    config = full_configuration(with_app_config(os.environ, app.config, app.instance_path))
    tokens_file = config.exporter.tokens_file
    access = Access(TokenFile(tokens_file) if tokens_file else None)
    engine = open_engine(config.app.resolved_database_url)
    weakref.finalize(app, engine.dispose).atexit = False  # tests of the app make many apps
    return WebContext(config, engine, access)
