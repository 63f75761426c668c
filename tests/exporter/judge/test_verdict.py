"""A verdict as a whole."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from canvas_sync_core.names import IncidentKind
from canvas_sync_exporter.judge.conditions import CONDITIONS
from canvas_sync_exporter.judge.facts import DatabaseFacts, Sample
from canvas_sync_exporter.judge.verdict import judge
from support.judge_facts import NOW, facts_of, failed, nights, sync_of
from support.verdicts import kinds, well


def test_every_kind_has_a_condition() -> None:
    assert set(CONDITIONS) == set(IncidentKind)


def test_nothing_is_found_when_all_is_well() -> None:
    verdict = judge(well())

    assert verdict.findings == ()
    assert verdict.judged == frozenset(IncidentKind)


def test_an_exporter_that_has_just_started_judges_what_runs_say_at_once() -> None:
    start = NOW - timedelta(seconds=5)
    just_now: dict[str, Any] = {
        "started": start,
        "database": DatabaseFacts(is_reachable=True, since=start),
    }

    assert kinds(facts_of(sync_of(failed(0), *nights(20)), **just_now)) == [IncidentKind.FAILING]
    assert IncidentKind.MISSED not in judge(facts_of(**just_now)).judged
    waiting = facts_of(sync_of(failed(0), *nights(20)), spool=[Sample(NOW, 512.0)], **just_now)
    assert kinds(waiting) == []
