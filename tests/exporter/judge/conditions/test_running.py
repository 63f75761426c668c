"""Runs that hang."""

from __future__ import annotations

from datetime import timedelta

from canvas_sync_core.names import IncidentKind
from canvas_sync_exporter.judge.facts import RunningRun
from support.judge_facts import NOW, ended, facts_of, nights, sync_of
from support.verdicts import MINUTE, kinds


def test_a_hung_run_is_stuck_and_nothing_else() -> None:
    later = NOW + timedelta(days=1, hours=2)
    hung = RunningRun("full-9", "full", NOW - 59 * MINUTE, later)

    facts = facts_of(sync_of(*nights(20), running=(hung,), now=later), now=later)
    assert kinds(facts) == [IncidentKind.STUCK]


def test_a_run_that_takes_seconds_longer_than_runs_on_demand_is_not_stuck() -> None:
    on_demand = [ended(start=NOW - n * timedelta(seconds=10), duration=2.0) for n in range(3, 9)]

    def told(seconds: int) -> list[IncidentKind]:
        waiting = RunningRun("full-9", "full", NOW - timedelta(seconds=seconds), NOW)
        sync = sync_of(*on_demand, running=(waiting,), expectation=None, due=(), next_due=None)
        return kinds(facts_of(sync))

    assert told(seconds=25) == []
    assert told(seconds=200) == [IncidentKind.STUCK]
