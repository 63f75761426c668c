"""An incident that is no longer found has not always recovered."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import pytest

from canvas_sync_core.incident import Incident
from canvas_sync_core.names import IncidentKind, RunStatus
from canvas_sync_exporter.judge.facts import Facts, RunningRun, SyncFacts
from canvas_sync_exporter.judge.incidents import reconcile
from canvas_sync_exporter.judge.lapses import Lapse, lapse_of
from canvas_sync_exporter.judge.runs import EndedRun
from canvas_sync_exporter.judge.verdict import judge
from support.judge_facts import NOW, ended, facts_of, failed, nights, sync_of

DAY = timedelta(days=1)
UNEXPECTED: dict[str, Any] = {"expectation": None, "due": (), "next_due": None}
EMPTY = "few_items: 0 items where 100 are usual"


def opened(facts: Facts) -> Incident:
    """The incident that opens."""
    (incident,) = reconcile([], judge(facts)).opened
    return incident


def resolved(before: Facts, after: Facts) -> Incident:
    """The incident that opened before, and has resolved after."""
    (incident,) = reconcile([opened(before)], judge(after)).resolved
    return incident


def by_hand(*runs: EndedRun, now_is: timedelta = timedelta()) -> Facts:
    """A sync that is started by hand."""
    return facts_of(sync_of(*runs, **UNEXPECTED), now=NOW + now_is)


def test_a_failure_that_no_run_follows_has_not_recovered() -> None:
    failure = failed(0)
    incident = resolved(by_hand(failure), by_hand(failure, now_is=2 * DAY))
    assert lapse_of(incident) is Lapse.NO_RUN
    assert incident.summary == "A run of full failed. No run has followed."

    later = ended(start=NOW + timedelta(hours=1))
    assert lapse_of(resolved(by_hand(failure), by_hand(later, failure, now_is=DAY))) is None


def missed(*runs: EndedRun, running: Sequence[RunningRun] = (), is_expected: bool = True) -> Facts:
    """A nightly sync after its due time."""
    changes = {} if is_expected else UNEXPECTED
    return facts_of(sync_of(*runs, running=running, **changes))


def test_a_sync_that_never_ran_again_has_not_recovered() -> None:
    before = missed(*nights(20))
    assert lapse_of(resolved(before, missed(*nights(20), is_expected=False))) is Lapse.NO_RUN
    assert lapse_of(resolved(before, facts_of())) is Lapse.NO_RUN

    late = RunningRun("late", "full", NOW - timedelta(minutes=1), NOW)
    assert lapse_of(resolved(before, missed(*nights(20), running=[late]))) is None


def unusual(*newest: EndedRun) -> SyncFacts:
    """Two weeks of usual nights and ten of none, after which no items are usual."""
    empty = [ended(night, items=0, suspect_reason=EMPTY) for night in range(1, 11)]
    return sync_of(*newest, *empty, *nights(14, first=11))


@pytest.mark.parametrize(("items", "lapse"), [(0, Lapse.USUAL), (100, None)])
def test_what_has_become_usual_has_not_recovered(items: int, lapse: Lapse | None) -> None:
    day_before = facts_of(unusual(), now=NOW - DAY)
    incident = resolved(day_before, facts_of(unusual(ended(0, items=items))))
    assert incident.kind == IncidentKind.SUSPECT
    assert lapse_of(incident) is lapse


def test_an_incident_that_is_found_again_no_longer_says_how_it_ended() -> None:
    failure = failed(0)
    ended_incident = resolved(by_hand(failure), by_hand(failure, now_is=2 * DAY))
    (again,) = reconcile([ended_incident], judge(by_hand(failure))).reopened
    assert (lapse_of(again), again.summary) == (None, "A run of full failed.")


def test_an_open_incident_has_no_end() -> None:
    assert lapse_of(opened(by_hand(failed(0, status=RunStatus.INTERRUPTED)))) is None
