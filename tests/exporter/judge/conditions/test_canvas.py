"""Calls that fail, and lists that are not read to their end."""

from __future__ import annotations

from dataclasses import replace

import pytest

from canvas_sync_core.names import IncidentKind, Severity
from canvas_sync_exporter.judge.conditions.canvas import list_truncated
from canvas_sync_exporter.judge.facts import RouteTraffic, SyncFacts
from support.judge_facts import NOW, ended, facts_of, failed, nights, sync_of
from support.verdicts import MINUTE, kinds, only


def test_a_crash_inside_a_list_is_reported_only_as_the_crash() -> None:
    crash = failed(0, api_truncated=1)

    assert kinds(facts_of(sync_of(crash, *nights(20)))) == [IncidentKind.FAILING]
    assert kinds(facts_of(sync_of(ended(0, api_truncated=1), *nights(20)))) == [
        IncidentKind.LIST_TRUNCATED
    ]


def test_the_routes_of_truncated_lists_are_named_unless_they_may_be_those_of_another_sync() -> None:
    route = RouteTraffic("/api/v1/courses/:course_id/users", 9, truncated=1)
    full = sync_of(ended(start=NOW - 5 * MINUTE, duration=9.0, api_truncated=1), *nights(20))
    grades = replace(full, sync_type="grades", expectation=None, rounds=())
    healthy = sync_of(ended(start=NOW - 5 * MINUTE, duration=9.0), *nights(20), sync_type="grades")

    def causes(*syncs: SyncFacts) -> set[str]:
        return {each.cause for each in list_truncated(facts_of(*syncs, routes=[route]))}

    assert causes(full, healthy) == {f"The next page was not fetched for {route.route}."}
    assert causes(full, grades) == {""}


@pytest.mark.parametrize("calls", [36, 36_000])
def test_failing_calls_are_judged_by_the_usual_traffic(calls: int) -> None:
    usual = [ended(night, api_calls=calls, api_failed=calls // 1000) for night in range(1, 21)]
    stray = ended(0, api_calls=calls, api_failed=max(1, calls // 500))
    bad = ended(0, api_calls=calls, api_failed=calls // 5)

    assert kinds(facts_of(sync_of(stray, *usual))) == []
    few_failures = ended(0, api_calls=77, api_failed=4)
    assert kinds(facts_of(sync_of(few_failures, *usual))) == []
    assert kinds(facts_of(sync_of(bad, *usual))) == [IncidentKind.API_FAILING]


THROTTLED = {"error_message": "429 Too Many Requests", "api_failed": 9, "api_throttled": 9}


def test_throttling_that_makes_runs_fail_says_how_many_and_is_critical_if_they_are_half() -> None:
    def found(failing: int) -> tuple[Severity, str]:
        runs = [failed(0, **THROTTLED) for _ in range(failing)]
        runs += [ended(0, api_failed=9, api_throttled=9) for _ in range(8 - failing)]
        users = [replace(run, user_id=user) for user, run in enumerate(runs)]
        finding = only(facts_of(sync_of(*users, *nights(20))))
        assert finding.kind is IncidentKind.THROTTLED
        return finding.severity, finding.summary

    calls = "Canvas throttled 72 of 288 API calls"
    assert found(0) == (Severity.WARNING, f"{calls}.")
    assert found(3) == (Severity.WARNING, f"{calls}, and 3 runs failed because of that.")
    assert found(8) == (Severity.CRITICAL, f"{calls}, and 8 runs failed because of that.")
