"""Runs that hang."""

from __future__ import annotations

from datetime import timedelta

from canvas_sync_core.names import IncidentKind
from canvas_sync_exporter.judge.facts import RunningRun
from support.judge_facts import NOW, facts_of, nights, sync_of
from support.verdicts import MINUTE, kinds


def test_a_hung_run_is_stuck_and_nothing_else() -> None:
    later = NOW + timedelta(days=1, hours=2)
    hung = RunningRun("full-9", "full", NOW - 59 * MINUTE, later)

    facts = facts_of(sync_of(*nights(20), running=(hung,), now=later), now=later)
    assert kinds(facts) == [IncidentKind.STUCK]
