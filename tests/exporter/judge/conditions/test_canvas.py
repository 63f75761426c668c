"""Calls that fail, and lists that are not read to their end."""

from __future__ import annotations

import pytest

from canvas_sync_core.names import IncidentKind
from support.judge_facts import ended, facts_of, failed, nights, sync_of
from support.verdicts import kinds


def test_a_crash_inside_a_list_is_reported_only_as_the_crash() -> None:
    crash = failed(0, api_truncated=1)

    assert kinds(facts_of(sync_of(crash, *nights(20)))) == [IncidentKind.FAILING]
    assert kinds(facts_of(sync_of(ended(0, api_truncated=1), *nights(20)))) == [
        IncidentKind.LIST_TRUNCATED
    ]


@pytest.mark.parametrize("calls", [36, 36_000])
def test_failing_calls_are_judged_by_the_usual_traffic(calls: int) -> None:
    usual = [ended(night, api_calls=calls, api_failed=calls // 1000) for night in range(1, 21)]
    stray = ended(0, api_calls=calls, api_failed=max(1, calls // 500))
    bad = ended(0, api_calls=calls, api_failed=calls // 5)

    assert kinds(facts_of(sync_of(stray, *usual))) == []
    strays = ended(0, api_calls=77, api_failed=4)
    assert kinds(facts_of(sync_of(strays, *usual))) == []
    assert kinds(facts_of(sync_of(bad, *usual))) == [IncidentKind.API_FAILING]
