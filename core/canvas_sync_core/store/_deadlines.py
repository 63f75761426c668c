"""How long we wait for PostgreSQL.

The server itself ends a long statement (``statement_timeout``), but not while it is stopped or
hangs: it is silent then, and its kernel goes on answering TCP's keepalives. So each answer has a
deadline on our side too. A pooled connection is tried first, with a short one. While a statement
takes its time, a second connection shows whether the server still answers.
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
"""SQLAlchemy's name of a driver -> the module that connects by it; the first is preferred."""
POOL_SECONDS: Final = 3.0
"""How long to wait for one of the connections that others use."""

CONNECTION_SECONDS: Final = 2.0
"""For what is asked to set a connection up, and whether it still works."""
_CONNECT_SECONDS: Final = 3
_STATEMENT_SECONDS: Final = 15
_LONG_STATEMENT_SECONDS: Final = 120
"""For questions that read the rows of months."""
_GRACE_SECONDS: Final = 2.0
"""How much later than the server we give up: its own error says more."""
_PATIENCE_SECONDS: Final = 3.0
"""How long to wait for an answer before each look whether the server still answers."""
_UNANSWERED_SECONDS: Final = 1.5
"""An error that a new connection meets sooner is an answer. libpq rounds its timeout of 3 s."""


def no_answer(seconds: float) -> str:
    """Say that the server is silent."""
    return f"The database gave no answer within {seconds:.3g} s."


class Watch:
    """Decides when to stop waiting for one answer.

    Args:
        seconds: How long the answer may take.
        is_silent: Returns whether the server does not even answer a new connection.
    """

    def __init__(self, seconds: float, is_silent: Callable[[], bool]) -> None:
        self._began = monotonic()
        self._deadline = self._began + seconds
        self._look_at = self._began + _PATIENCE_SECONDS
        self._is_silent = is_silent

    @property
    def pause(self) -> float:
        """How many seconds :meth:`is_over` need not be called."""
        return max(0.0, min(self._deadline, self._look_at) - monotonic())

    @property
    def waited(self) -> float:
        """How many seconds have passed."""
        return monotonic() - self._began

    def is_over(self) -> bool:
        """Return whether the answer is late, or the server silent; this may take seconds."""
        if monotonic() >= self._deadline:
            return True
        if monotonic() < self._look_at:
            return False
        is_silent = self._is_silent()
        self._look_at = monotonic() + _PATIENCE_SECONDS
        return is_silent


def connect_arguments(url: URL) -> dict[str, object]:
    """Bound what the server and the driver can bound; what the URL says wins."""
    defaults: dict[str, object] = {
        "connect_timeout": _CONNECT_SECONDS,
        "options": f"-c statement_timeout={_STATEMENT_SECONDS * 1000}",
        "application_name": "canvas-sync-monitor",
        "client_encoding": "utf8",  # or texts of an SQL_ASCII database are bytes
    }
    return {name: value for name, value in defaults.items() if name not in url.query}


def bound_waits(engine: Engine) -> None:
    """Give each answer of PostgreSQL a deadline, on every connection of an engine."""
    driver = import_module(DRIVERS[engine.dialect.driver], __package__)
    seconds = _LONG_STATEMENT_SECONDS if _has_own_options(engine) else _STATEMENT_SECONDS

    @event.listens_for(engine, "do_connect")
    def connect(_dialect: object, _record: object, arguments: Any, options: Any) -> Any:
        connection = driver.connect(*arguments, **options)
        connection.is_server_silent = partial(_is_silent, driver, arguments, options)
        return connection

    # A pooled connection is tried before the one event, and let go of after the other.
    @event.listens_for(engine, "checkout")
    def allow_statements(connection: Any, *_: object) -> None:
        connection.answer_seconds = seconds + _GRACE_SECONDS

    @event.listens_for(engine, "reset")
    def expect_little(connection: Any, *_: object) -> None:
        connection.answer_seconds = CONNECTION_SECONDS


def allow_long_statements(connection: Connection) -> None:
    """Let statements of a PostgreSQL transaction take longer. Options in the URL win."""
    engine = connection.engine
    if engine.dialect.name != "postgresql" or _has_own_options(engine):
        return
    milliseconds = _LONG_STATEMENT_SECONDS * 1000
    connection.execute(text(f"SET LOCAL statement_timeout = {milliseconds}"))
    driver: Any = connection.connection.dbapi_connection
    driver.answer_seconds = _LONG_STATEMENT_SECONDS + _GRACE_SECONDS


def _is_silent(driver: Any, arguments: Sequence[Any], options: dict[str, Any]) -> bool:
    """Return whether a new connection gets no answer; "too many connections" is one."""
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
    """Whether the URL says what is set on the server, and so perhaps no limit or another one."""
    return "options" in engine.url.query
