"""The exporter's process: web server and recurring jobs, from start to stop."""

from __future__ import annotations

import logging
import socket
from collections.abc import Callable
from contextlib import ExitStack
from typing import Final

from prometheus_client import CollectorRegistry
from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError

from canvas_sync_core.errors import CanvasSyncMonitorError, SettingsError, StorageError
from canvas_sync_core.store.database import check_schema, open_engine, upgrade
from canvas_sync_exporter.web.access import Access, is_loopback
from canvas_sync_exporter.web.auth import TokenFile
from canvas_sync_exporter.web.context import WebContext
from canvas_sync_exporter.web.health import HealthChecks

from .collectors import (
    ChecksCollector,
    JudgeCollector,
    MessagesCollector,
    SyncProcessCollector,
    register_collectors,
)
from .config_file.problems import ConfigFileError, Problem
from .http_server import HttpServer, listen, url_of
from .jobs.recurring_jobs import recurring_jobs
from .jobs.scheduler import JobScheduler
from .judge.factory import make_judge
from .judge.judge import Judge
from .judge.pinger import Pinger
from .messages.channels.factory import make_channels
from .messages.messenger import Messenger
from .reasons import reason
from .settings import Configuration, changed_settings
from .signals import Signals
from .ui import ui_blueprint
from .web import create_app
from .zero_counters import start_counters

__all__ = ["serve"]

_BAD_SETTINGS: Final = (CanvasSyncMonitorError, SQLAlchemyError, OSError)
"""Errors that prevent an exporter from starting with its settings."""

_log = logging.getLogger(__name__)


def serve(read_configuration: Callable[[], Configuration]) -> None:
    """Serve until SIGTERM or SIGINT; SIGHUP reloads tokens and settings.

    Args:
        read_configuration: Called at the start and at each SIGHUP.

    Raises:
        SettingsError: The tokens file is unusable, or there is none and the address is not
            loopback; or the database URL or the host name is invalid.
        ListenError: It cannot listen on the address.
        OSError: A folder cannot be created.
    """
    with Signals() as signals:
        serving: _Exporter | None = _Exporter(read_configuration())
        while serving is not None:
            serving = serving.serve(signals, read_configuration)
    _log.info("Stopped.")


class _Exporter:
    """Everything that serves with one configuration.

    Args:
        config: The configuration.
        before: Its listening sockets are taken over if the address stays the same.

    Raises:
        SettingsError, ListenError, StorageError, SQLAlchemyError, OSError: As for :func:`serve`.
    """

    def __init__(self, config: Configuration, before: _Exporter | None = None) -> None:
        address = config.exporter.host, config.exporter.port
        self._config = config
        self._address = address
        self._access = _access(config)
        with ExitStack() as undo:
            engine = open_engine(config.app.resolved_database_url)
            undo.callback(engine.dispose)
            self._sockets: list[socket.socket]
            if before is not None and before._address == address:
                self._sockets = [each.dup() for each in before._sockets]
            else:
                self._sockets = listen(*address)
            for each in self._sockets:
                undo.callback(each.close)
            _prepare_database(config, engine)
            start_counters(config)
            registry = CollectorRegistry()
            processes = SyncProcessCollector(config.app.metrics_folder)
            judge = make_judge(config, engine, processes.files)
            messenger = _make_messenger(config, engine, judge)
            self._messenger = messenger
            if messenger is not None:
                undo.callback(messenger.dispose)
            jobs = recurring_jobs(config, engine, processes.files, judge, messenger)
            self._jobs = JobScheduler(jobs)
            self._pinger = _make_pinger(config, judge)
            self._context = WebContext(
                config, engine, self._access, self._jobs, judge, metric_files=processes.files
            )
            further = {
                "judge": JudgeCollector(lambda: judge.state),
                "messages": MessagesCollector(lambda: messenger.counts if messenger else {}),
                "checks": ChecksCollector(HealthChecks(self._context).results),
            }
            register_collectors(registry, config, processes, further)
            self._app = create_app(
                self._context, registry, ui_blueprint(self._context, is_whole_app=True)
            )
            self._resources = undo.pop_all()

    def serve(
        self, signals: Signals, read_configuration: Callable[[], Configuration]
    ) -> _Exporter | None:
        """Serve until a signal ends it, or a successor with other settings is ready.

        Pending requests are answered. New connections wait for the successor.

        Returns:
            The successor; None at the end.
        """
        following: _Exporter | None = None

        def goes_on() -> bool:
            nonlocal following
            if signals.take_reload():
                following = self._reload(read_configuration)
            if signals.stopping or following is not None:
                self._context.stopping.set()
            return not self._context.stopping.is_set()

        with self._resources:
            server = HttpServer(self._app, self._sockets)
            self._jobs.start()
            if self._pinger is not None:
                self._pinger.start()
            self._announce()
            try:
                with signals.waking(server.wake):
                    server.run(goes_on)
            finally:
                if self._pinger is not None:
                    self._pinger.stop()
                if self._messenger is not None:
                    self._messenger.stop()
                self._jobs.stop()
                server.close()
        return None if signals.stopping else following

    def _announce(self) -> None:
        url = url_of(self._sockets[0])
        _log.info(
            "Serving %s/metrics and the REST API, documented at %s/api/canvas/docs; "
            "open %s/ in a browser",
            *(url, url, url),
        )
        if self._access.tokens is None:
            _log.info("There are no access tokens: only callers on this machine are answered.")
        for each in self._config.file.deprecations:
            _log.warning("%s", each)

    def _reload(self, read_configuration: Callable[[], Configuration]) -> _Exporter | None:
        """Reload tokens and settings; create a successor if they differ and are valid."""
        _log.info("SIGHUP: reading tokens and settings again.")
        if self._access.tokens is not None:
            self._access.tokens.reload()
        try:
            config = read_configuration()
            _require_file_of(self._config, config)
            changes = changed_settings(self._config, config)
            if not changes:
                _log.info("The settings have not changed.")
                return None
            following = _Exporter(config, self)
        except ConfigFileError as error:
            mistakes = " ".join(str(error).splitlines())
            _log.error("The settings read before stay in force: %s", mistakes)
            return None
        except _BAD_SETTINGS as error:
            _log.error("The settings read before stay in force: %s", reason(error))
            return None
        for change in changes:
            _log.info("Changed: %s", change)
        return following


def _require_file_of(before: Configuration, after: Configuration) -> None:
    """Refuse a configuration without the file that was read before.

    If a default file is gone, perhaps because it is just being replaced, its schedules and its
    destinations of messages must not disappear with it.

    Raises:
        ConfigFileError: The file is gone.
    """
    gone = before.file.path
    if gone is not None and after.file.path is None:
        advice = "the file is gone; put it back, or leave an empty file in its place"
        raise ConfigFileError(gone, [Problem(0, advice)])


def _access(config: Configuration) -> Access:
    settings = config.exporter
    if settings.tokens_file is not None:
        return Access(TokenFile(settings.tokens_file))
    if not is_loopback(settings.host):
        raise SettingsError(
            f"CANVAS_SYNC_EXPORTER_HOST: {settings.host!r} cannot be used without access tokens: "
            "anyone who reaches that address could read everything. Make a token with "
            "`canvas-sync-monitor token new --name NAME --scope SCOPE --file FILE` and set "
            "CANVAS_SYNC_TOKENS_FILE=FILE, or listen on 127.0.0.1."
        )
    return Access(None)


def _make_pinger(config: Configuration, judge: Judge) -> Pinger | None:
    url = config.file.heartbeat.url
    return None if url is None else Pinger(url, lambda: judge.state)


def _make_messenger(config: Configuration, engine: Engine, judge: Judge) -> Messenger | None:
    channels = make_channels(config.file.messages.channels)
    if not channels:
        return None
    return Messenger(config, engine, channels, in_memory=lambda: judge.state.incidents)


def _prepare_database(config: Configuration, engine: Engine) -> None:
    """Create the embedded database; for any other, only log what is missing.

    With tables of another version, ``/metrics`` is still served: it does not need them, and alerts
    depend on it.
    """
    try:
        (upgrade if config.embedded_database else check_schema)(engine)
    except StorageError as error:
        _log.error("Until this is fixed, only /metrics is complete: %s", reason(error))
    except SQLAlchemyError as error:
        if config.embedded_database:
            raise
        _log.warning("The REST API answers 503 until this is fixed: %s", reason(error))
