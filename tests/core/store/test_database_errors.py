"""What errors of databases mean, by which library ever."""

from __future__ import annotations

import sqlite3
from contextlib import closing

import psycopg
import pytest
from sqlalchemy import exc

from canvas_sync_core.store.database_errors import is_busy, is_database_error, is_rejection


@pytest.mark.parametrize(
    ("error", "is_rejected"),
    [
        (sqlite3.OperationalError("unable to open database file"), False),
        (sqlite3.IntegrityError("NOT NULL constraint failed"), True),
        (psycopg.errors.NumericValueOutOfRange("bigint out of range"), True),
        (psycopg.OperationalError("connection refused"), False),
        (exc.DataError("INSERT", {}, psycopg.DataError("too long")), True),
        (exc.StatementError("no", "INSERT", {}, OverflowError("too large")), True),
        (exc.StatementError("no", "INSERT", {}, psycopg.OperationalError("gone")), False),
        (exc.TimeoutError("QueuePool limit reached"), False),
    ],
)
def test_errors_of_a_database_are_recognised_whichever_library_raised_them(
    error: Exception, is_rejected: bool
) -> None:
    assert is_database_error(error)
    assert is_rejection(error) is is_rejected


def test_other_errors_are_not_database_errors() -> None:
    assert not is_database_error(TypeError("ours"))
    assert is_rejection(OverflowError("too large"))


def test_a_lock_of_another_process_is_recognized(tmp_path: object) -> None:
    with (
        closing(sqlite3.connect(f"{tmp_path}/x.sqlite3", isolation_level=None)) as locker,
        closing(sqlite3.connect(f"{tmp_path}/x.sqlite3", timeout=0)) as other,
    ):
        locker.execute("BEGIN EXCLUSIVE")
        with pytest.raises(sqlite3.OperationalError) as raised:
            other.execute("CREATE TABLE numbers (number)")
        assert is_busy(raised.value)
        assert is_busy(exc.OperationalError("CREATE", {}, raised.value))
        assert not is_busy(sqlite3.OperationalError("no such table"))
    locker.close()
    other.close()
