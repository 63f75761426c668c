"""Checks of network services: the database, the OTLP collector, Prometheus, and their clocks."""

from __future__ import annotations

import json
import socket
import time
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote, urlsplit

from sqlalchemy import Engine, func, select
from sqlalchemy.exc import SQLAlchemyError

from canvas_sync_core.errors import CanvasSyncMonitorError
from canvas_sync_core.names import DISTRIBUTION
from canvas_sync_core.schema.metrics import MetricName
from canvas_sync_core.store.database import check_schema, open_engine
from canvas_sync_core.store.spool.delivery import waiting_bytes
from canvas_sync_exporter.formatting import format_size
from canvas_sync_exporter.reasons import reason
from canvas_sync_exporter.settings import Configuration

from .finding import Finding

__all__ = [
    "clock",
    "collector",
    "connected",
    "database",
    "embedded_file",
    "get_json",
    "prometheus",
    "spool",
]

_SECONDS: Final = 4.0
"""Time limit for one connection; less than for a whole check."""
_CLOCK_SECONDS: Final = 5.0
_BACKLOG_BYTES: Final = 8 * 1024 * 1024
_PORTS: Final = {"http": 80, "https": 443}


def database(config: Configuration) -> Finding:
    """Check whether the database responds and its table has this version."""
    if config.embedded_database and not embedded_file(config).exists():
        return Finding.ok(f"{embedded_file(config)} will be created by the first sync.")
    try:
        with connected(config) as engine:
            check_schema(engine)
            shown = repr(engine.url)
    except CanvasSyncMonitorError as error:
        message, _, remedy = str(error).partition(". ")
        return Finding.failed(f"{message}.", remedy)
    except (SQLAlchemyError, OSError) as error:
        return Finding.failed(
            f"It does not answer: {reason(error)}.",
            "Start it, or correct CANVAS_SYNC_DATABASE_URL. Until then rows wait in the spool.",
        )
    return Finding.ok(f"The table in {shown} has this program's version.")


def spool(folder: Path) -> Finding:
    """Check whether rows are waiting for the database."""
    waiting = waiting_bytes(folder)
    message = f"{format_size(waiting)} of rows wait for the database."
    if waiting <= _BACKLOG_BYTES:
        return Finding.ok(message)
    return Finding.warning(
        message, "See what `database` says above; they are written when it is back."
    )


def clock(config: Configuration, prometheus_url: str | None) -> Finding:
    """Compare this machine's clock with the database's or Prometheus'."""
    if not config.embedded_database:
        with connected(config) as engine:
            if engine.dialect.name == "postgresql":
                return _compared("the database", _time_of_database(engine))
    if prometheus_url is not None:
        return _compared("Prometheus", _time_of_prometheus(prometheus_url))
    return Finding.ok("There is no other clock to compare with; give --prometheus.")


def collector(environ: Mapping[str, str]) -> Finding:
    """Check whether the OTLP collector accepts connections."""
    names = ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT")
    name = next((name for name in names if environ.get(name, "").strip()), None)
    if name is None:
        return Finding.ok("No collector is set; no spans are sent.")
    url = environ[name].strip()
    try:
        parts = urlsplit(url if "://" in url else f"//{url}")
        address = (parts.hostname or "", parts.port or _PORTS.get(parts.scheme, 4317))
        socket.create_connection(address, _SECONDS).close()
    except (OSError, ValueError) as error:
        return Finding.failed(
            f"Cannot connect to {_shown(url)}: {reason(error)}.",
            f"Start the collector, or correct {name}. Until then spans are dropped.",
        )
    return Finding.ok(f"{_shown(url)} accepts connections.")


def prometheus(url: str) -> Finding:
    """Check whether Prometheus responds and scrapes the exporter."""
    try:
        found = _query(url, MetricName.BUILD_INFO)
    except (OSError, ValueError, LookupError) as error:
        return Finding.failed(
            f"{_shown(url)} does not answer as a Prometheus: {reason(error)}.",
            "Start it, or give its address: --prometheus http://127.0.0.1:9090.",
        )
    if found:
        return Finding.ok(f"{_shown(url)} answers and scrapes {len(found)} exporters.")
    return Finding.warning(
        f"{_shown(url)} answers and scrapes no exporter.",
        "Start `canvas-sync-monitor serve`, and name it under scrape_configs in prometheus.yml.",
    )


@contextmanager
def connected(config: Configuration) -> Iterator[Engine]:
    """Open the database of the runs while the block lasts."""
    engine = open_engine(config.app.resolved_database_url)
    try:
        yield engine
    finally:
        engine.dispose()


def _compared(whose: str, then: tuple[float, float]) -> Finding:
    theirs, ours = then
    ahead = ours - theirs
    message = f"This clock and that of {whose} differ by {abs(ahead):.1f} s."
    if abs(ahead) <= _CLOCK_SECONDS:
        return Finding.ok(message)
    direction = "ahead" if ahead > 0 else "behind"
    return Finding.warning(
        f"{message} This one is {direction}; durations across machines are wrong.",
        "Synchronize both with NTP: `timedatectl set-ntp true`.",
    )


def _time_of_database(engine: Engine) -> tuple[float, float]:
    with engine.connect() as connection:
        theirs = connection.execute(select(func.clock_timestamp())).scalar_one()
        return float(theirs.timestamp()), time.time()


def _time_of_prometheus(url: str) -> tuple[float, float]:
    return float(_query(url, "time()")[0]), time.time()


def _query(url: str, expression: str) -> Any:
    return get_json(f"{url.rstrip('/')}/api/v1/query?query={quote(expression)}")["data"]["result"]


def get_json(url: str) -> Any:
    """Return the JSON that a server answers.

    Raises:
        ValueError: It is not an HTTP URL, or the answer is not JSON.
        OSError: There is no answer.
    """
    if urlsplit(url).scheme not in _PORTS:
        raise ValueError("its address begins neither with http:// nor with https://")
    request = urllib.request.Request(url, headers={"User-Agent": DISTRIBUTION})  # noqa: S310 - scheme above
    with urllib.request.urlopen(request, timeout=_SECONDS) as answer:  # noqa: S310 - as above
        return json.load(answer)


def embedded_file(config: Configuration) -> Path:
    """Return the file of the SQLite database that is used without any setting."""
    return Path(config.app.resolved_database_url.removeprefix("sqlite:///"))


def _shown(url: str) -> str:
    """Remove a possible password."""
    return url.rpartition("@")[2]
