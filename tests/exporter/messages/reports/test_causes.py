from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from canvas_sync_exporter.messages.reports.causes import (
    FailedRun,
    group_by_cause,
    mask_numbers,
    name_cause,
)

START = datetime(2026, 3, 2, 2, 30, tzinfo=UTC)


def failed(number: int, **changes: Any) -> FailedRun:
    defaults = {
        "sync_type": "full",
        "start": START + timedelta(hours=number),
        "user_id": 42,
        "host": "sync-1",
        "error_type": "TimeoutError",
        "message": f"user {number} timed out",
    }
    return FailedRun(number=number, **{**defaults, **changes})


def test_runs_that_differ_only_in_numbers_have_the_same_cause() -> None:
    runs = [
        failed(1),
        failed(2, user_id=43, sync_type="grades"),
        failed(3, host="sync-2"),
        failed(4, error_type="ValueError", message="bad", user_id=None),
    ]

    first, second = group_by_cause(runs)

    assert (first.name, first.runs, first.users) == ("TimeoutError: user # timed out", 3, 2)
    assert (first.first, first.last) == (runs[0].start, runs[2].start)
    assert first.sync_types == {"full": 2, "grades": 1}
    assert first.hosts == {"sync-1": 2, "sync-2": 1}
    assert first.newest == 3
    assert (second.name, second.runs, second.users) == ("ValueError: bad", 1, 0)


@pytest.mark.parametrize(
    ("message", "masked"),
    [
        ("503 Server Error for user 4711", "503 Server Error for user #"),
        ("HTTP 429: course 12", "HTTP 429: course #"),
        ("status=500 id=500", "status=500 id=#"),
        ("user 404 not found", "user # not found"),
        ("Canvas answered 502 Bad Gateway", "Canvas answered 502 Bad Gateway"),
        ("Canvas answered 502 for 502", "Canvas answered 502 for #"),
        ("HTTP Error 502: Bad Gateway", "HTTP Error 502: Bad Gateway"),
        ("Server error '503 Service Unavailable'", "Server error '503 Service Unavailable'"),
        ("sh ended with exit code 3.", "sh ended with exit code 3."),
        ("non-zero exit status 1 of 4711", "non-zero exit status 1 of #"),
        ("exit code 4711", "exit code #"),
        ("took 1234.5 s", "took #.# s"),
        ("40412", "#"),
    ],
)
def test_numbers_are_masked_except_http_statuses_and_exit_codes(message: str, masked: str) -> None:
    assert mask_numbers(message) == masked


@given(st.integers(1000), st.text())
def test_an_id_never_appears(user: int, text: str) -> None:
    assert str(user) not in name_cause("Error", f"{text} {user} {text}")


@given(st.none() | st.text(), st.none() | st.text())
def test_a_cause_is_one_short_printable_line(error_type: str | None, message: str | None) -> None:
    name = name_cause(error_type, message)

    assert 0 < len(name) <= 160
    assert "\n" not in name
    assert "\x1b" not in name


def test_a_run_without_error_has_a_cause_too() -> None:
    assert name_cause(None, None) == "no error was recorded"
