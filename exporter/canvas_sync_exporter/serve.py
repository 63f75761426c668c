"""The exporter's process: web server and recurring jobs, from start to stop."""

from __future__ import annotations

import logging
import signal
import threading
from types import FrameType
from typing import Any

from prometheus_client import CollectorRegistry
from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError
from waitress.server import create_server

from canvas_sync_instrumentation.errors import SettingsError, StorageError
from canvas_sync_instrumentation.storage.database import check_schema, open_engine, upgrade

from .collectors import register_collectors
from .jobs import Jobs
from .reasons import reason
from .settings import Configuration
from .upkeep import Upkeep
from .web import create_app
from .web.access import Access, is_loopback
from .web.auth import TokenFile
from .web.context import WebContext

__all__ = ["serve"]

_LIMITS: dict[str, Any] = {
    "threads": 16,  # for requests and log streams to their limits, and 4 for health and scrapes
    "connection_limit": 200,
    "channel_timeout": 60,
    "max_request_header_size": 64 * 1024,
    "max_request_body_size": 64 * 1024,
    "channel_request_lookahead": 1,  # or a client that goes is noticed only when written to
    "asyncore_use_poll": True,  # select() fails beyond 1,024 open files
    "ident": "canvas-sync-monitor",
}

_log = logging.getLogger(__name__)


def serve(config: Configuration) -> None:
    """Serve until SIGTERM or SIGINT.

    Raises:
        SettingsError: The tokens file cannot be used, or there is none and the address is not
            loopback; or the database URL cannot be used.
        StorageError: The embedded database is of a newer version.
        OSError: The address cannot be listened on, or a folder cannot be made.
    """
    access = _access(config)
    engine = open_engine(config.app.resolved_database_url)
    _prepare_database(config, engine)
    upkeep = Upkeep(config, engine)
    upkeep.start_counters()
    registry = CollectorRegistry()
    processes = register_collectors(registry, config)
    jobs = Jobs(upkeep, processes.fold, config)
    context = WebContext(config, engine, access, upkeep, jobs)
    app = create_app(context, registry)
    server = create_server(app, host=config.exporter.host, port=config.exporter.port, **_LIMITS)
    _stop_on_signals(context.stopping)
    jobs.start()
    _announce(access, server)
    try:
        server.run()  # returns after SystemExit and KeyboardInterrupt, when answers are sent
    finally:
        jobs.stop()
        server.close()
        engine.dispose()
    _log.info("Stopped.")


def _access(config: Configuration) -> Access:
    settings = config.exporter
    if settings.tokens_file is not None:
        return Access(TokenFile(settings.tokens_file))
    if not is_loopback(settings.host):
        raise SettingsError(
            f"CANVAS_SYNC_EXPORTER_HOST: {settings.host!r} cannot be used without access tokens: "
            "whoever reaches that address would read everything. Make a token with "
            "`canvas-sync-monitor token new --name NAME --scope SCOPE --file FILE` and set "
            "CANVAS_SYNC_TOKENS_FILE=FILE, or listen on 127.0.0.1."
        )
    return Access(None)


def _prepare_database(config: Configuration, engine: Engine) -> None:
    """Make the embedded database; of another one only tell what is missing."""
    try:
        (upgrade if config.embedded_database else check_schema)(engine)
    except (SQLAlchemyError, StorageError) as error:
        if config.embedded_database:
            raise
        _log.warning("The REST API answers 503 until this is mended: %s", reason(error))


def _announce(access: Access, server: Any) -> None:
    listens = getattr(server, "effective_listen", [])  # of several addresses, as localhost has
    host, port = listens[0] if listens else (server.effective_host, server.effective_port)
    url = f"http://{f'[{host}]' if ':' in host else host}:{port}"
    _log.info("Serving %s/metrics and the REST API, documented at %s/api/canvas/docs", url, url)
    if access.tokens is None:
        _log.info("There are no access tokens: only callers on this machine are answered.")


def _stop_on_signals(stopping: threading.Event) -> None:
    def stop(_number: int, _frame: FrameType | None) -> None:
        stopping.set()
        raise SystemExit(0)

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, stop)
