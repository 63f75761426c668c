"""Runs that did not come."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from canvas_sync_core.names import IncidentKind
from canvas_sync_exporter.judge.expectation import Expectation, ExpectationSource, Pause
from canvas_sync_exporter.judge.facts import DatabaseFacts, SyncFacts
from canvas_sync_exporter.judge.verdict import judge
from canvas_sync_exporter.schedules.cron import CronSchedule
from support.judge_facts import NOW, ended, facts_of, nightly, nights, sync_of
from support.verdicts import DAY, MINUTE, kinds, only


def test_a_sync_every_quarter_of_an_hour_in_working_hours_is_missed_only_then() -> None:
    berlin = ZoneInfo("Europe/Berlin")
    schedule = CronSchedule("*/15 7-18 * * 1-5", berlin)
    promise = Expectation("incremental", schedule, 5 * MINUTE, ExpectationSource.FILE)
    monday = datetime(2026, 11, 23, 6, 1, tzinfo=UTC)  # 07:01 in Berlin
    friday = datetime(2026, 11, 20, 17, 45, tzinfo=UTC)
    runs = [ended(start=friday - number * 15 * MINUTE, duration=60.0) for number in range(40)]
    for now in (friday + 8 * 60 * MINUTE, monday - 2 * 60 * MINUTE, monday):
        assert kinds(facts_of(sync_of(*runs, now=now, expectation=promise), now=now)) == []
    late = monday + 25 * MINUTE
    assert kinds(facts_of(sync_of(*runs, now=late, expectation=promise), now=late)) == [
        IncidentKind.MISSED
    ]


def test_three_weeks_of_planned_pause_are_silent() -> None:
    pause = Pause(frozenset({"full"}), NOW - 21 * DAY, NOW + MINUTE, "winter break")
    before = [ended(night) for night in range(22, 42)]

    assert kinds(facts_of(sync_of(*before), pauses=[pause])) == []
    assert kinds(facts_of(sync_of(*before))) == [IncidentKind.MISSED]


def test_syncs_that_stop_together_are_one_finding_and_later_ones_another() -> None:
    def stopped(name: str, nights_ago: int) -> SyncFacts:
        runs = [replace(ended(night), sync_type=name) for night in range(nights_ago, 42)]
        return sync_of(*runs, sync_type=name, expectation=nightly(sync_type=name))

    facts = facts_of(stopped("full", 21), stopped("grades", 21), stopped("users", 1))
    found = {each.subject: each for each in judge(facts).findings}
    assert {name: set(each.affects) for name, each in found.items()} == {
        "full": {"full", "grades"},
        "users": {"users"},
    }
    assert "grades has not started since then either." in found["full"].summary


def test_syncs_that_stopped_together_keep_their_finding_when_the_first_one_starts_again() -> None:
    """Also if the clocks have changed since its due times were learned."""
    hour = 60 * MINUTE
    full = [ended(night) for night in range(21, 42)]
    users = [replace(run, sync_type="users", start=run.start + 2 * hour) for run in full]
    promise = nightly(sync_type="users", schedule=CronSchedule("0 4 * * *", UTC))
    learned = tuple(ended(night).start + hour for night in range(41, 0, -1))

    again = sync_of(*full, expectation=None, due=learned)
    facts = facts_of(again, sync_of(*users, sync_type="users", expectation=promise))
    assert only(facts).subject == "full"


def test_a_run_of_the_future_does_not_hide_that_runs_are_missed() -> None:
    future = ended(start=NOW + timedelta(hours=25))

    assert kinds(facts_of(sync_of(future, *nights(20)))) == [IncidentKind.MISSED]


def test_rows_that_come_in_after_an_outage_are_waited_for() -> None:
    back = DatabaseFacts(is_reachable=True, since=NOW - MINUTE)

    verdict = judge(facts_of(sync_of(*nights(20)), database=back))
    assert verdict.findings == ()
    assert IncidentKind.MISSED not in verdict.judged
