"""Findings become incidents that open once, get worse, and resolve."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from canvas_sync_core.incident import Acknowledgement, Incident, IncidentState
from canvas_sync_core.names import IncidentKind, Severity
from canvas_sync_exporter.judge.finding import Finding, Verdict
from canvas_sync_exporter.judge.incidents import REOPEN_WITHIN, Changes, reconcile

START = datetime(2026, 3, 2, 2, 30, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


def finding(kind: IncidentKind = IncidentKind.FAILING, **changes: Any) -> Finding:
    defaults = {
        "subject": "full",
        "severity": Severity.CRITICAL,
        "since": START - 5 * MINUTE,
        "summary": "full fails.",
        "sync_type": "full",
    }
    return Finding(kind=kind, **{**defaults, **changes})


def verdict(
    *findings: Finding, after: timedelta = timedelta(), judged: Iterable[IncidentKind] | None = None
) -> Verdict:
    return Verdict(START + after, findings, frozenset(IncidentKind if judged is None else judged))


def opened(*findings: Finding) -> Incident:
    return reconcile([], verdict(*(findings or [finding()]))).opened[0]


def acknowledged(incident: Incident, run_count: int = 0) -> Incident:
    known = Acknowledgement(START + MINUTE, "ada", "The token is being renewed.", run_count)
    return replace(incident, acknowledgement=known)


def test_what_was_not_found_before_opens() -> None:
    changes = reconcile([], verdict(finding(counts={"HTTP 503": 4}, run_count=4)))
    (incident,) = changes.opened
    assert changes.all == (incident,)
    assert incident.key == ("failing", "full")
    assert (incident.since, incident.opened_at) == (START - 5 * MINUTE, START)
    assert incident.counts == {"HTTP 503": 4}
    assert incident.state is IncidentState.OPEN


def test_what_is_found_again_changes_nothing() -> None:
    assert reconcile([opened()], verdict(finding(), after=MINUTE)) == Changes()


def test_an_incident_affects_what_its_finding_names_or_its_own_sync_type() -> None:
    assert opened().affects == ("full",)
    token = finding(IncidentKind.TOKEN_REFUSED, subject="9ea1d209", sync_type=None)
    assert opened(token).affects == ()
    both = finding(affects=frozenset({"grades", "full"}))
    assert opened(both).affects == ("full", "grades")
    assert reconcile([opened()], verdict(both)).updated[0].affects == ("full", "grades")


def test_several_findings_of_one_subject_are_one_incident_of_the_most_severe() -> None:
    mild = finding(severity=Severity.WARNING, summary="mild")
    changes = reconcile([], verdict(finding(summary="bad"), mild))
    assert [each.summary for each in changes.opened] == ["bad"]


def test_new_evidence_updates_the_incident_silently() -> None:
    changes = reconcile([opened()], verdict(finding(run_count=400), after=MINUTE / 4))
    (incident,) = changes.updated
    assert changes.all == (incident,)
    assert (incident.run_count, incident.updated_at) == (400, START + MINUTE / 4)


def test_what_is_known_about_the_same_runs_stays_known() -> None:
    known = opened(finding(runs=("n-1",), run_count=1, cause="The next page was not fetched."))
    later = finding(runs=("n-1",), run_count=1)
    assert reconcile([known], verdict(later, after=9 * MINUTE)) == Changes()
    (changed,) = reconcile([known], verdict(replace(later, runs=("n-2",)), after=MINUTE)).all
    assert changed.cause == ""


def test_mere_rewording_is_written_once_a_minute_at_most() -> None:
    incident = opened()
    reworded = finding(summary="full has failed for 2 minutes.")
    assert reconcile([incident], verdict(reworded, after=MINUTE / 2)) == Changes()
    assert reconcile([incident], verdict(reworded, after=MINUTE)).updated


def test_a_higher_severity_is_worse_and_a_lower_one_changes_nothing() -> None:
    incident = opened(finding(severity=Severity.WARNING))
    (worse,) = reconcile([incident], verdict(finding(), after=MINUTE)).worsened
    assert (worse.severity, worse.worsened_at) == (Severity.CRITICAL, START + MINUTE)
    milder = verdict(finding(severity=Severity.WARNING), after=2 * MINUTE)
    assert reconcile([worse], milder) == Changes()


def test_more_runs_alone_are_not_worse_while_nobody_has_acknowledged() -> None:
    changes = reconcile([opened(finding(run_count=1))], verdict(finding(run_count=500)))
    assert changes.updated
    assert not changes.worsened


@pytest.mark.parametrize(
    ("known", "now", "is_worse"),
    [(1, 2, False), (1, 10, False), (1, 11, True), (40, 60, False), (40, 80, True)],
)
def test_an_acknowledged_incident_gets_worse_with_many_more_runs(
    known: int, now: int, is_worse: bool
) -> None:
    incident = acknowledged(opened(), run_count=known)
    changes = reconcile([incident], verdict(finding(run_count=now), after=2 * MINUTE))
    assert bool(changes.worsened) is is_worse
    expected = IncidentState.OPEN if is_worse else IncidentState.ACKNOWLEDGED
    assert changes.all[0].state is expected


def test_an_acknowledged_incident_gets_worse_with_its_severity() -> None:
    incident = acknowledged(opened(finding(severity=Severity.WARNING)))
    assert incident.state is IncidentState.ACKNOWLEDGED
    (worse,) = reconcile([incident], verdict(finding(), after=2 * MINUTE)).worsened
    assert worse.state is IncidentState.OPEN
    assert worse.acknowledgement == incident.acknowledgement


def test_a_condition_on_runs_resolves_as_soon_as_it_does_not_hold() -> None:
    (over,) = reconcile([opened()], verdict(after=MINUTE)).resolved
    assert (over.resolved_at, over.state) == (START + MINUTE, IncidentState.RESOLVED)


def test_kinds_that_were_not_judged_stay() -> None:
    judged = [IncidentKind.DATABASE_AWAY]
    assert reconcile([opened()], verdict(after=MINUTE, judged=judged)) == Changes()


def test_a_condition_on_figures_resolves_when_it_has_not_held_for_a_while() -> None:
    low = finding(IncidentKind.QUOTA_LOW, subject="3f2a91c0")
    (clear,) = reconcile([opened(low)], verdict(after=MINUTE)).updated
    assert clear.state is IncidentState.OPEN
    (held,) = reconcile([clear], verdict(low, after=2 * MINUTE)).updated
    assert held.clear_since is None
    (clear,) = reconcile([held], verdict(after=3 * MINUTE)).updated
    assert reconcile([clear], verdict(after=4 * MINUTE)) == Changes()
    (over,) = reconcile([clear], verdict(after=5 * MINUTE)).resolved
    assert over.resolved_at == START + 3 * MINUTE


def test_what_comes_back_soon_is_the_same_incident_and_then_needs_longer_to_resolve() -> None:
    (over,) = reconcile([opened()], verdict(after=MINUTE)).resolved
    changes = reconcile([over], verdict(finding(), after=16 * MINUTE))
    (again,) = changes.reopened
    assert changes.all == (again,)
    assert (again.opened_at, again.reopened_at) == (START, START + 16 * MINUTE)
    assert again.state is IncidentState.OPEN
    (clear,) = reconcile([again], verdict(after=20 * MINUTE)).updated
    assert reconcile([clear], verdict(after=49 * MINUTE)) == Changes()
    assert reconcile([clear], verdict(after=50 * MINUTE)).resolved


def test_what_comes_back_soon_stays_acknowledged_unless_it_is_worse() -> None:
    incident = acknowledged(opened(finding(severity=Severity.WARNING)))
    (over,) = reconcile([incident], verdict(after=2 * MINUTE)).resolved
    same = verdict(finding(severity=Severity.WARNING), after=9 * MINUTE)
    assert reconcile([over], same).reopened[0].state is IncidentState.ACKNOWLEDGED
    (worse,) = reconcile([over], verdict(finding(), after=9 * MINUTE)).worsened
    assert worse.state is IncidentState.OPEN


def test_what_comes_back_much_later_is_a_new_incident() -> None:
    (over,) = reconcile([opened()], verdict(after=MINUTE)).resolved
    later = verdict(finding(), after=REOPEN_WITHIN + 2 * MINUTE)
    changes = reconcile([over], later)
    assert [each.opened_at for each in changes.opened] == [later.time]
    assert changes.all == changes.opened


def test_a_sync_that_fails_every_other_time_is_reported_a_few_times_a_day() -> None:
    known: dict[datetime, Incident] = {}
    messages = 0
    for number in range(96):
        findings = [finding()] if number % 2 else []
        changes = reconcile(known.values(), verdict(*findings, after=15 * MINUTE * number))
        messages += len(changes.opened) + len(changes.reopened) + len(changes.resolved)
        known |= {each.opened_at: each for each in changes.all}
    assert messages <= 3
    assert len(known) == 1


def test_what_another_judge_finds_stays_open_whatever_this_one_finds() -> None:
    full = finding(IncidentKind.DISK_FILLING, subject="logs")
    both = frozenset({"a", "b"})
    (incident,) = reconcile([], verdict(full), judge="a", live_judges=both).opened
    blind = verdict(after=60 * MINUTE)
    assert reconcile([incident], blind, judge="b", live_judges=both) == Changes()
    (clear,) = reconcile([incident], blind, judge="a", live_judges=both).updated
    (over,) = reconcile([clear], verdict(after=63 * MINUTE), judge="b", live_judges=both).resolved
    assert over.resolved_at == START + 60 * MINUTE


def test_what_a_dead_judge_found_is_up_to_the_living() -> None:
    (incident,) = reconcile([], verdict(finding()), judge="a", live_judges=frozenset("ab")).opened
    assert reconcile([incident], verdict(after=MINUTE), judge="b", live_judges={"b"}).resolved


def test_names_that_no_database_takes_are_escaped_and_cut_and_found_again() -> None:
    odd = finding(subject="a\0\ud800" + "b" * 5000, summary="c" * 5000, counts={"d\n": 1})
    (incident,) = reconcile([], verdict(odd)).opened
    assert incident.subject.startswith(r"a\x00\ud800bbb")
    assert (len(incident.subject), len(incident.summary)) == (200, 1000)
    assert incident.counts == {r"d\n": 1}
    assert reconcile([incident], verdict(odd, after=MINUTE)) == Changes()


_KINDS = st.sampled_from([IncidentKind.FAILING, IncidentKind.QUOTA_LOW, IncidentKind.MISSED])
_FINDINGS = st.builds(
    finding,
    _KINDS,
    subject=st.sampled_from(["full", "incremental"]),
    severity=st.sampled_from(Severity),
    run_count=st.integers(0, 50),
)
_JUDGINGS = st.lists(
    st.tuples(st.lists(_FINDINGS, max_size=3), st.sets(_KINDS), st.integers(0, 200)), max_size=12
)


@given(_JUDGINGS)
def test_each_subject_has_at_most_one_open_incident_whatever_is_found(
    judgings: list[tuple[list[Finding], set[IncidentKind], int]],
) -> None:
    known: dict[tuple[object, ...], Incident] = {}
    after = timedelta()
    for findings, judged, minutes in judgings:
        after += minutes * MINUTE
        changes = reconcile(known.values(), verdict(*findings, after=after, judged=judged))
        assert len({(*each.key, each.opened_at) for each in changes.all}) == len(changes.all)
        known |= {(*each.key, each.opened_at): each for each in changes.all}
        found_open = [each.key for each in known.values() if each.resolved_at is None]
        assert len(found_open) == len(set(found_open))
        assert {(each.kind, each.subject) for each in findings} <= set(found_open)
        for incident in changes.resolved:
            assert incident.kind in judged
