"""What is recorded of an error's message: the sentence, without the values that it quotes."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import datetime
from decimal import Decimal

import pytest
import requests
import sqlalchemy as sa
from canvasapi.exceptions import BadRequest, CanvasException, InvalidAccessToken, RateLimitExceeded

from canvas_sync_instrumentation.error_description import error_info
from support.described_errors import of_error

NOTHING: dict[object, object] = {}
NOT_IN_LIST = (
    "list.index(x): x not in list" if sys.version_info >= (3, 14) else "'?' is not in list"
)


def compile_badly(name: str) -> None:
    compile(f"sync({name}", "<string>", "exec")


def run_command(name: str) -> None:
    subprocess.run([sys.executable, "-c", "exit(1)", name], check=True)


def test_a_database_error_is_reported_without_the_rows() -> None:
    engine = sa.create_engine("sqlite://")
    with engine.begin() as connection:
        connection.execute(sa.text("CREATE TABLE users (email TEXT UNIQUE)"))
        insert = sa.text("INSERT INTO users VALUES (:email)")
        connection.execute(insert, {"email": "jane"})
        with pytest.raises(sa.exc.IntegrityError) as caught:
            connection.execute(insert, {"email": "jane"})
    engine.dispose()
    assert "jane" in str(caught.value)
    info = error_info(caught.value)
    assert info.error_type == "IntegrityError"
    assert info.message == "UNIQUE constraint failed: users.email"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "Duplicate entry 'Jane O'Neil' for key 'users.name'",
            "Duplicate entry '?' for key 'users.name'",
        ),
        ("Duplicate entry 'James' Book' for key 'name'", "Duplicate entry '?' for key 'name'"),
        ('near "Brien": syntax error', "near '?': syntax error"),
        ("unrecognized token: \"'Brien')\"", "unrecognized token: '?'"),
        ("no such column: Ada", "no such column: '?'"),
        ("table users has no column named Ada", "table users has no column named '?'"),
        ('syntax error at or near "Brien"\nLINE 1: insert', "syntax error at or near '?'"),
        ('column "Ada Smith" does not exist', "column '?' does not exist"),
        (
            'column "due_at" of relation "courses" does not exist',
            'column "due_at" of relation "courses" does not exist',
        ),
        (
            "The duplicate key value is (Ada Smith).",
            "The duplicate key value is '?'.",
        ),
        ("Duplicate entry 'Jane\nDoe' for key", "Duplicate entry '?'"),
        (
            'invalid input syntax for type integer: "Jane"\nLINE 1: x',
            "invalid input syntax for type integer: '?'",
        ),
        ('relation "users" does not exist', 'relation "users" does not exist'),
        ("can't connect", "can't connect"),
    ],
)
def test_values_that_a_driver_quotes_are_masked(text: str, message: str) -> None:
    assert error_info(sqlite3.DatabaseError(text)).message == message


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (
            InvalidAccessToken({"errors": [{"message": "Invalid access token."}]}),
            "Invalid access token.",
        ),
        (BadRequest('{"errors": {"name": [{"message": "is blank"}]}, "name": "Jane"}'), "is blank"),
        (BadRequest('{"name": "Jane"}'), ""),
        (BadRequest("<html><title>Jane</title>"), ""),
        (BadRequest("Jane is already taken"), "[removed] is already taken"),
        (CanvasException({"name": "Jane"}), ""),
        (
            CanvasException("Encountered an error: status code 502"),
            "Encountered an error: status code 502",
        ),
        (RateLimitExceeded("Rate Limit Exceeded."), "Rate Limit Exceeded."),
        (ValueError("course 7 is odd"), "course 7 is odd"),
        (ValueError(), ""),
    ],
)
def test_an_error_tells_what_canvas_said(error: Exception, message: str) -> None:
    info = error_info(error)
    assert (info.error_type, info.message) == (type(error).__name__, message)


@pytest.mark.parametrize(
    ("fail", "value", "message"),
    [
        (float, "A-", "could not convert string to float: '?'"),
        (int, "O'Neil", "invalid literal for int() with base 10: '?'"),
        ({"A": 4.0}.__getitem__, "A-", "'?'"),
        (lambda name: {}[name], "Ada", "'?'"),
        (lambda name: NOTHING[(name, 7)], "Ada", "<tuple>"),
        (lambda name: NOTHING[int(name)], "17", "17"),
        (["Jane"].index, "Joe", NOT_IN_LIST),
        (datetime.fromisoformat, "Jane", "Invalid isoformat string: '?'"),
        (
            lambda name: bytes(name, "ascii"),
            "Zo\xeb",
            "'ascii' codec can't encode character '?' in position 2: ordinal not in range(128)",
        ),
        (Decimal, "A-", "[<class 'decimal.ConversionSyntax'>]"),
        (lambda name: getattr(7, name), "Ada Smith", "'int' object has no attribute '?'"),
        (
            lambda name: compile_badly(**{name: 1}),  # type: ignore[arg-type]
            "Ada Smith",
            "compile_badly() got an unexpected keyword argument '?'",
        ),
        (open, "Ada Smith.csv", "[Errno 2] No such file or directory: '?'"),
        (lambda name: bool(name.due), "Ada", "'str' object has no attribute 'due'"),
        (lambda name: name + 1, "Ada", 'can only concatenate str (not "int") to str'),
        (compile_badly, "Ada", "'(' was never closed (<string>, line 1)"),
        (run_command, "Ada Smith", "Command '?' returned non-zero exit status 1."),
    ],
)
def test_values_that_python_quotes_are_masked_and_nothing_else_of_the_sentence(
    fail: Callable[[str], object], value: str, message: str
) -> None:
    with pytest.raises(Exception) as caught:  # noqa: PT011 - of any kind
        fail(value)
    assert error_info(caught.value).message == message


class SyncError(Exception):
    """An error that an app declares itself."""


@pytest.mark.parametrize(
    "error_class", [ValueError, KeyError, TypeError, OSError, RuntimeError, SyncError]
)
@pytest.mark.parametrize(
    "name", ["Ada Smith", "Sinead O'Brien", "James' Book", 'a "b" c', "Zo\xeb"]
)
@pytest.mark.parametrize(
    "sentence",
    ["no grade for '{}' in course 17", 'user "{}" is new', "\u201c{}\u201d?", "b'{}' and b'x'"],
)
def test_a_name_in_quotation_marks_is_removed_from_messages_that_an_app_raises(
    error_class: type[Exception], name: str, sentence: str
) -> None:
    with pytest.raises(error_class) as caught:
        raise error_class(sentence.format(name))
    message = error_info(caught.value).message
    assert name not in message
    assert "Smith" not in message
    assert "Book" not in message
    assert "Brien" not in message


def test_the_cause_of_an_error_that_the_app_raised_is_reported() -> None:
    def convert(row: dict[str, object]) -> None:
        try:
            row["grader_id"]
        except KeyError as error:
            raise SyncError("assignment 9 cannot be saved") from error

    message = of_error(lambda: convert({}))
    assert message == "assignment 9 cannot be saved; KeyError: 'grader_id'"


def test_the_members_of_a_group_are_reported() -> None:
    def fail() -> None:
        raise ExceptionGroup("two tasks", [KeyError("grader_id"), SyncError("course 7 is odd")])

    message = of_error(fail)
    assert message == (
        "two tasks (2 sub-exceptions); KeyError: 'grader_id'; SyncError: course 7 is odd"
    )


def test_errors_that_cause_one_another_come_to_an_end() -> None:
    first, second = SyncError("first"), SyncError("second")
    first.__cause__, second.__cause__ = second, first
    assert error_info(first).message == "first; SyncError: second"


def test_what_a_client_says_about_a_connection_is_reported_in_full() -> None:
    def call() -> None:
        requests.get("http://127.0.0.1:1/api/v1/courses", timeout=5)

    message = of_error(call)
    assert "host='127.0.0.1', port=1" in message
    assert "Connection refused" in message


def test_an_error_that_cannot_be_printed_is_reported_by_its_class() -> None:
    class SilentError(Exception):
        def __str__(self) -> str:
            raise RuntimeError

    info = error_info(SilentError())
    assert (info.error_type, info.message) == ("SilentError", "SilentError")


def test_a_huge_message_costs_little_time() -> None:
    error = ValueError("'" + "Ada' " * 200_000)
    start = time.thread_time()
    info = error_info(error)
    assert time.thread_time() - start < 0.1
    assert "Ada" not in info.message


def test_attributes_that_fail_do_no_harm() -> None:
    class HostileError(Exception):
        def __getattr__(self, name: str) -> object:
            raise RuntimeError(name)

    assert error_info(HostileError("course 7")).message == "course 7"
