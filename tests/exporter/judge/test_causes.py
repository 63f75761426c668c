"""Why runs ended badly, from what their rows say."""

from __future__ import annotations

from typing import Any

import pytest

from canvas_sync_core.names import IncidentKind, RunStatus
from canvas_sync_exporter.judge.causes import (
    cause_of,
    count_causes,
    evidence,
    explain,
    is_transient,
    refusal_reason,
)
from support.judge_facts import ended, failed

TIMEOUT = {"error_type": "ReadTimeout", "error_message": "timed out"}
LOCKED = {"error_type": "OperationalError", "error_message": "database is locked"}


@pytest.mark.parametrize(
    ("changes", "kind"),
    [
        ({}, IncidentKind.FAILING),
        ({"error_message": "401 Client Error"}, IncidentKind.TOKEN_REFUSED),
        ({"error_message": "429 Too Many Requests"}, IncidentKind.THROTTLED),
        ({**TIMEOUT, "api_calls": 4, "api_failed": 2}, IncidentKind.API_FAILING),
        ({**TIMEOUT, "api_calls": 4, "api_failed": 1}, IncidentKind.FAILING),
        ({**TIMEOUT, "api_calls": 4, "api_failed": 2, "api_throttled": 1}, IncidentKind.FAILING),
        ({**TIMEOUT, "api_calls": 4, "api_failed": 4, "db_failed": 1}, IncidentKind.FAILING),
        ({**LOCKED, "db_operations": 2, "db_failed": 1}, IncidentKind.DB_FAILING),
        ({**LOCKED, "db_operations": 50, "db_failed": 1}, IncidentKind.FAILING),
    ],
)
def test_a_failure_is_explained_by_its_error_and_by_how_much_failed(
    changes: dict[str, Any], kind: IncidentKind
) -> None:
    assert explain(failed(**changes)) is kind


def test_only_runs_that_ended_badly_are_explained() -> None:
    assert explain(ended()) is None
    assert explain(ended(status=RunStatus.PARTIAL)) is None
    assert explain(ended(status=RunStatus.INTERRUPTED)) is IncidentKind.INTERRUPTED


@pytest.mark.parametrize(
    ("message", "reason"),
    [
        ("Expired access token.", "expired"),
        ("The token was revoked", "revoked"),
        ("Insufficient scopes on access token", "not allowed to do this (scopes)"),
        ("Invalid access token.", "invalid"),
        ("invalid_grant", "invalid"),
        ("user not authorized to perform that action, 401", None),
        ("course 401b is missing", None),
    ],
)
def test_the_reason_of_a_refused_token_is_read_from_the_message(
    message: str, reason: str | None
) -> None:
    assert refusal_reason(failed(error_message=message)) == reason


def test_a_run_that_did_not_fail_has_no_reason_of_a_refusal() -> None:
    assert refusal_reason(ended(error_message="Invalid access token.")) is None


@pytest.mark.parametrize(
    ("changes", "is_likely"),
    [
        ({**TIMEOUT, "api_failed": 1}, True),
        ({"error_message": "rate limit exceeded"}, True),
        ({}, False),
        ({**TIMEOUT, "api_calls": 3, "api_failed": 3}, False),
        ({**TIMEOUT, "api_failed": 5}, False),
        ({**TIMEOUT, "db_operations": 2, "db_failed": 2}, False),
    ],
)
def test_the_next_run_is_likely_to_succeed_unless_nothing_worked(
    changes: dict[str, Any], is_likely: bool
) -> None:
    assert is_transient(failed(**changes)) is is_likely


def test_an_interrupted_run_is_likely_to_be_followed_by_a_good_one() -> None:
    assert is_transient(ended(status=RunStatus.INTERRUPTED))


def test_a_cause_is_the_first_line_of_the_error() -> None:
    assert cause_of(failed(error_message="first\nsecond")) == "KeyError: first"
    unknown = failed(error_type=None, error_message=None)
    assert cause_of(unknown) == "no error was recorded (failed)"


def test_causes_that_differ_only_in_numbers_are_counted_together() -> None:
    messages = ("course 7", "course 8", "user 1")
    runs = [failed(error_message=each) for each in messages]
    assert count_causes(runs) == {"KeyError: course #": 2, "KeyError: user 1": 1}


def test_the_evidence_names_the_newest_runs_first_and_each_request_once() -> None:
    runs = [
        failed(3, user_id=1, request_context_id="a"),
        failed(1, user_id=2, request_context_id="b"),
        failed(2, user_id=1, request_context_id="a"),
    ]
    found = evidence(runs, {"cause": 3})

    assert found["runs"] == tuple(run.id for run in (runs[1], runs[2], runs[0]))
    assert (found["run_count"], found["user_count"]) == (3, 2)
    assert found["request_ids"] == ("b", "a")
    assert found["counts"] == {"cause": 3}
