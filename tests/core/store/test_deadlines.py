"""No question to a database waits forever: a silent server, a locked file, a pool in use."""

from __future__ import annotations

import socket
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from pathlib import Path

import pytest
from sqlalchemy import Connection, Engine, text
from sqlalchemy.exc import OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from canvas_sync_core.store import _deadlines
from canvas_sync_core.store.database import (
    check_schema,
    connect_for_long_read,
    connect_to_read,
    open_engine,
    upgrade,
)
from support.postgresql import PostgresqlServer

_DRIVERS = ("psycopg", "psycopg2")
_FEW_SECONDS = 8.0
"""Those of a try of the connection, of a new one, and of a busy machine."""


@pytest.fixture(params=_DRIVERS)
def silent_url(
    request: pytest.FixtureRequest, postgresql_url: str, monkeypatch: pytest.MonkeyPatch
) -> str:
    """A database whose server gives a statement one second, and we a little more."""
    pytest.importorskip(request.param)
    monkeypatch.setattr(_deadlines, "_STATEMENT_SECONDS", 1)
    monkeypatch.setattr(_deadlines, "_LONG_STATEMENT_SECONDS", 2)
    monkeypatch.setattr(_deadlines, "_GRACE_SECONDS", 0.2)
    return postgresql_url.replace("postgresql:", f"postgresql+{request.param}:")


@pytest.fixture(params=_DRIVERS)
def watched_url(
    request: pytest.FixtureRequest, postgresql_url: str, monkeypatch: pytest.MonkeyPatch
) -> str:
    """A database whose server is looked after soon; a statement may take its usual time."""
    pytest.importorskip(request.param)
    monkeypatch.setattr(_deadlines, "_PATIENCE_SECONDS", 0.1)
    return postgresql_url.replace("postgresql:", f"postgresql+{request.param}:")


@contextmanager
def opened(url: str) -> Iterator[Engine]:
    engine = open_engine(url)
    try:
        yield engine
    finally:
        engine.dispose()


@contextmanager
def soon() -> Iterator[None]:
    began = time.monotonic()
    yield
    assert time.monotonic() - began < _FEW_SECONDS


@pytest.mark.parametrize(
    "ask",
    [
        lambda connection: connection.execute(text("SELECT 2")),
        lambda connection: connection.execute(
            text("INSERT INTO t VALUES (:x)"), [{"x": "x" * 100_000} for _ in range(200)]
        ),
        lambda connection: connection.commit(),
        lambda connection: connection.rollback(),
    ],
    ids=["query", "large-batch", "commit", "rollback"],
)
def test_a_server_that_falls_silent_in_a_transaction_is_given_up_and_comes_back(
    silent_url: str, postgresql_server: PostgresqlServer, ask: Callable[[Connection], object]
) -> None:
    with opened(silent_url) as engine:
        with engine.begin() as connection:
            connection.execute(text("CREATE TABLE t (x text)"))
        with (
            pytest.raises(OperationalError, match=r"no answer within \d\S* s"),
            soon(),
            engine.connect() as connection,
        ):
            connection.execute(text("SELECT 1"))
            with postgresql_server.stopped_in_its_tracks():
                ask(connection)
        with engine.connect() as connection:
            assert connection.scalar(text("SELECT 1")) == 1


def test_a_pooled_connection_to_a_silent_server_is_not_waited_for(
    silent_url: str, postgresql_server: PostgresqlServer
) -> None:
    with opened(silent_url) as engine:
        upgrade(engine)
        with postgresql_server.stopped_in_its_tracks(), soon(), pytest.raises(OperationalError):
            check_schema(engine)
        check_schema(engine)


def test_what_reads_many_rows_has_a_deadline_too(
    silent_url: str, postgresql_server: PostgresqlServer
) -> None:
    with (
        opened(silent_url) as engine,
        pytest.raises(OperationalError, match=r"no answer within \d\S* s"),
        soon(),
        connect_for_long_read(engine) as connection,
    ):
        connection.execute(text("SELECT 1"))
        with postgresql_server.stopped_in_its_tracks():
            connection.execute(text("SELECT 2"))


@pytest.mark.parametrize("connect", [connect_to_read, connect_for_long_read])
def test_a_server_that_falls_silent_is_abandoned_long_before_the_limit_of_a_statement(
    watched_url: str,
    postgresql_server: PostgresqlServer,
    connect: Callable[[Engine], AbstractContextManager[Connection]],
) -> None:
    with (
        opened(watched_url) as engine,
        pytest.raises(OperationalError, match=r"no answer within [2-7]"),
        soon(),
        connect(engine) as connection,
    ):
        connection.execute(text("SELECT 1"))
        with postgresql_server.stopped_in_its_tracks():
            connection.execute(text("SELECT 2"))


def test_a_statement_that_takes_its_time_is_waited_for_while_the_server_answers(
    watched_url: str,
) -> None:
    with opened(watched_url) as engine, connect_to_read(engine) as connection:
        assert connection.scalar(text("SELECT 1 FROM pg_sleep(1)")) == 1


def test_a_server_that_refuses_further_connections_is_not_silent(
    watched_url: str, postgresql_server: PostgresqlServer
) -> None:
    with (
        opened(watched_url) as engine,
        connect_to_read(engine) as connection,
        opened(postgresql_server.url("postgres")) as other,
        connect_to_read(other) as administration,
    ):
        allow = f"ALTER DATABASE {engine.url.database} ALLOW_CONNECTIONS"
        administration.execute(text(f"{allow} false"))
        try:
            assert connection.scalar(text("SELECT 1 FROM pg_sleep(1)")) == 1
        finally:
            administration.execute(text(f"{allow} true"))


def test_a_deadline_that_was_met_leaves_the_connection_alone(silent_url: str) -> None:
    with opened(silent_url) as engine, connect_to_read(engine) as connection:
        for _ in range(2):
            connection.execute(text("SELECT pg_sleep(0.7)"))
        time.sleep(1.3)  # longer than an answer may take
        assert connection.scalar(text("SELECT 1")) == 1


@pytest.mark.parametrize("driver", _DRIVERS)
def test_a_server_that_accepts_and_stays_silent_is_given_up(driver: str) -> None:
    pytest.importorskip(driver)
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        with (
            opened(f"postgresql+{driver}://postgres@127.0.0.1:{port}/none") as engine,
            soon(),
            pytest.raises(OperationalError),
        ):
            check_schema(engine)


def test_a_pool_in_use_is_waited_for_a_few_seconds(empty_database_url: str) -> None:
    with (
        opened(empty_database_url) as engine,
        ExitStack() as in_use,
        soon(),
        pytest.raises(PoolTimeoutError),
    ):
        for _ in range(50):
            in_use.enter_context(engine.connect())


def test_an_sqlite_file_that_another_process_holds_is_given_up(tmp_path: Path) -> None:
    file = tmp_path / "x.sqlite3"
    with opened(f"sqlite:///{file}") as engine:
        upgrade(engine)
        engine.dispose()
        holder = sqlite3.connect(file, isolation_level=None)
        holder.execute("PRAGMA locking_mode=EXCLUSIVE")
        holder.execute("BEGIN EXCLUSIVE")
        with soon(), pytest.raises(OperationalError, match="locked"):
            check_schema(engine)
        holder.execute("ROLLBACK")
        holder.close()
        check_schema(engine)
