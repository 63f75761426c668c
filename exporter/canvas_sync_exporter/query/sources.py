"""The databases and logs that queries read."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Final
from weakref import WeakKeyDictionary

from sqlalchemy import Engine

from canvas_sync_core.locks import Lock
from canvas_sync_core.store.database import open_engine
from canvas_sync_core.store.rollups.errors import ErrorReader
from canvas_sync_core.store.rollups.reading import Rollups
from canvas_sync_core.store.rollups.series import SeriesReader
from canvas_sync_exporter.logs.run_lines import RunLogs
from canvas_sync_exporter.settings import configuration

__all__ = ["Source", "run_logs", "source"]


@dataclass(frozen=True, slots=True)
class Source:
    """Readers of one database, each with its cache."""

    rollups: Rollups
    series: SeriesReader
    errors: ErrorReader


_lock: Final = Lock()
_engines: Final[dict[tuple[int, str], Engine]] = {}
_sources: Final[WeakKeyDictionary[Engine, Source]] = WeakKeyDictionary()


def source(engine: Engine | None) -> tuple[Engine, Source]:
    """Return an engine with its readers, which are made once.

    Args:
        engine: The engine; None for that of the settings, which is also made once for a process.

    Raises:
        SettingsError: A setting cannot be used.
    """
    with _lock:
        engine = engine or _engine_of_settings()
        known = _sources.get(engine)
        if known is None:
            known = Source(Rollups(engine), SeriesReader(engine), ErrorReader(engine))
            _sources[engine] = known
        return engine, known


def _engine_of_settings() -> Engine:
    url = configuration(os.environ).app.resolved_database_url
    key = os.getpid(), url  # a forked child must not use the connections of its parent
    if key not in _engines:
        _engines[key] = open_engine(url)
    return _engines[key]


def run_logs() -> RunLogs:
    """Return the logs of the settings.

    Raises:
        SettingsError: A setting cannot be used.
    """
    config = configuration(os.environ)
    return RunLogs(config)
