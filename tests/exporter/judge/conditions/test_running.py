"""Runs that hang."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from canvas_sync_core.names import IncidentKind
from canvas_sync_exporter.judge.facts import EndedRun, RunningRun
from canvas_sync_exporter.judge.finding import Finding
from support.judge_facts import NOW, ended, facts_of, nights, sync_of
from support.verdicts import MINUTE, kinds, only


def test_a_hung_run_is_stuck_and_nothing_else() -> None:
    later = NOW + timedelta(days=1, hours=2)
    hung = RunningRun("full-9", "full", NOW - 59 * MINUTE, later)

    facts = facts_of(sync_of(*nights(20), running=(hung,), now=later), now=later)
    assert kinds(facts) == [IncidentKind.STUCK]


def test_a_run_that_takes_seconds_longer_than_runs_on_demand_is_not_stuck() -> None:
    on_demand = [ended(start=NOW - n * timedelta(seconds=10), duration=2.0) for n in range(3, 9)]

    def kinds_after(seconds: int) -> list[IncidentKind]:
        waiting = RunningRun("full-9", "full", NOW - timedelta(seconds=seconds), NOW)
        sync = sync_of(*on_demand, running=(waiting,), expectation=None, due=(), next_due=None)
        return kinds(facts_of(sync))

    assert kinds_after(seconds=25) == []
    assert kinds_after(seconds=200) == [IncidentKind.STUCK]


def test_of_two_overlapping_runs_the_one_that_started_first_is_the_previous_one() -> None:
    long = ended(start=NOW - 20 * MINUTE, duration=900.0)
    short = ended(start=NOW - 15 * MINUTE, duration=300.0)
    still_running = RunningRun("full-9", "full", NOW - 10 * MINUTE, NOW)

    def finding_of(*runs: EndedRun, running: Sequence[RunningRun] = ()) -> Finding:
        found = only(facts_of(sync_of(*runs, *nights(20), running=running)))
        assert found.kind is IncidentKind.OVERLAPPING
        return found

    assert finding_of(short, long).cause == "The previous run took 15m."
    assert finding_of(short, long).runs == (short.id, long.id)
    assert finding_of(short, long).since == short.start
    assert finding_of(long, running=[still_running]).cause == "The previous run took 15m."
