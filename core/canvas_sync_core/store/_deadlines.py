"""Limits how long we wait for PostgreSQL.

The server itself cancels long statements (``statement_timeout``), but not while it is stopped or
hangs: it is silent then, while its kernel still answers TCP keepalives. So each response also has a
deadline on our side. A pooled connection is tested first, with a short deadline. While a statement
is running, a second connection checks whether the server still responds.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from importlib import import_module
from typing import Any, Final

from sqlalchemy import Connection, Engine, event, text
from sqlalchemy.engine import URL

from canvas_sync_core.clock import monotonic

__all__ = [
    "CONNECTION_SECONDS",
    "DRIVERS",
    "POOL_SECONDS",
    "Watch",
    "allow_long_statements",
    "bound_waits",
    "connect_arguments",
    "no_answer",
]

DRIVERS: Final = {"psycopg": "._psycopg", "psycopg2": "._psycopg2"}
"""SQLAlchemy driver name -> the module that connects with it; the first is preferred."""
POOL_SECONDS: Final = 3.0
"""How long to wait for a connection that is in use."""

CONNECTION_SECONDS: Final = 2.0
"""For queries that set up a connection or check whether it still works."""
_CONNECT_SECONDS: Final = 3
_STATEMENT_SECONDS: Final = 15
_LONG_STATEMENT_SECONDS: Final = 120
"""For queries that read the rows of months."""
_GRACE_SECONDS: Final = 2.0
"""How much later than the server we give up, since the server's own error says more."""
_PATIENCE_SECONDS: Final = 3.0
"""How long to wait for a response before each check whether the server is alive."""
_UNANSWERED_SECONDS: Final = 1.5
"""An error of a new connection before this time is a response. libpq rounds its timeout of 3 s."""


def no_answer(seconds: float) -> str:
    """Return the message of the error that is raised if the server is silent."""
    return f"The database gave no answer within {seconds:.3g} s."


class Watch:
    """Decides when to stop waiting for one response.

    Args:
        seconds: How long the answer may take.
        is_silent: Returns whether the server does not even answer a new connection.
    """

    def __init__(self, seconds: float, is_silent: Callable[[], bool]) -> None:
        self._began = monotonic()
        self._deadline = self._began + seconds
        self._next_check = self._began + _PATIENCE_SECONDS
        self._is_silent = is_silent

    @property
    def pause(self) -> float:
        """Seconds until :meth:`is_over` has to be called again."""
        return max(0.0, min(self._deadline, self._next_check) - monotonic())

    @property
    def waited(self) -> float:
        """Seconds since the start."""
        return monotonic() - self._began

    def is_over(self) -> bool:
        """Return whether the response is late or the server silent; this may take seconds."""
        if monotonic() >= self._deadline:
            return True
        if monotonic() < self._next_check:
            return False
        is_silent = self._is_silent()
        self._next_check = monotonic() + _PATIENCE_SECONDS
        return is_silent


def connect_arguments(url: URL) -> dict[str, object]:
    """Set the limits of server and driver; parameters in the URL take precedence."""
    defaults: dict[str, object] = {
        "connect_timeout": _CONNECT_SECONDS,
        "options": f"-c statement_timeout={_STATEMENT_SECONDS * 1000}",
        "application_name": "canvas-sync-monitor",
        "client_encoding": "utf8",  # otherwise texts of an SQL_ASCII database are bytes
    }
    return {name: value for name, value in defaults.items() if name not in url.query}


def bound_waits(engine: Engine) -> None:
    """Set a deadline for each PostgreSQL response, on every connection of an engine."""
    driver = import_module(DRIVERS[engine.dialect.driver], __package__)
    seconds = _LONG_STATEMENT_SECONDS if _has_own_options(engine) else _STATEMENT_SECONDS

    @event.listens_for(engine, "do_connect")
    def connect(_dialect: object, _record: object, arguments: Any, options: Any) -> Any:
        connection = driver.connect(*arguments, **options)
        connection.is_server_silent = partial(_is_silent, driver, arguments, options)
        return connection

    # A pooled connection is tested before the first event, and released after the second.
    @event.listens_for(engine, "checkout")
    def allow_statements(connection: Any, *_: object) -> None:
        connection.answer_seconds = seconds + _GRACE_SECONDS

    @event.listens_for(engine, "reset")
    def expect_little(connection: Any, *_: object) -> None:
        connection.answer_seconds = CONNECTION_SECONDS


def allow_long_statements(connection: Connection) -> None:
    """Let statements of a PostgreSQL transaction take longer, unless the URL has options."""
    engine = connection.engine
    if engine.dialect.name != "postgresql" or _has_own_options(engine):
        return
    milliseconds = _LONG_STATEMENT_SECONDS * 1000
    connection.execute(text(f"SET LOCAL statement_timeout = {milliseconds}"))
    driver: Any = connection.connection.dbapi_connection
    driver.answer_seconds = _LONG_STATEMENT_SECONDS + _GRACE_SECONDS


def _is_silent(driver: Any, arguments: Sequence[Any], options: dict[str, Any]) -> bool:
    """Return whether a new connection gets no response; "too many connections" is a response."""
    began = monotonic()
    try:
        connection = driver.connect(*arguments, **options | {"connect_timeout": _CONNECT_SECONDS})
        try:
            connection.cursor().execute("SELECT 1")
        finally:
            connection.close()
    except driver.Error:
        return monotonic() - began >= _UNANSWERED_SECONDS
    return False


def _has_own_options(engine: Engine) -> bool:
    """Whether the URL sets server options, and so perhaps its own limit or none."""
    return "options" in engine.url.query
