"""What was judged wrongly before, with the numbers that were measured, and what is wanted."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from canvas_sync_core.canvas.quota import TokenReading, quota_of
from canvas_sync_core.names import IncidentKind, RunStatus, Severity
from canvas_sync_core.store.comparison import Measures, anomalies
from canvas_sync_exporter.judge.conditions import CONDITIONS
from canvas_sync_exporter.judge.expectation import Expectation, ExpectationSource, Pause
from canvas_sync_exporter.judge.facts import (
    ClockFacts,
    DatabaseFacts,
    EndedRun,
    Facts,
    LogFolderFacts,
    OtherExporter,
    RunningRun,
    Sample,
    SyncFacts,
    TokenFacts,
)
from canvas_sync_exporter.judge.finding import Finding
from canvas_sync_exporter.judge.verdict import judge
from canvas_sync_exporter.schedules.cron import CronSchedule
from support.judge_facts import NOW, ended, facts_of, failed, nightly, nights, sync_of

GIBIBYTE = 1024.0**3
MINUTE = timedelta(minutes=1)
DAY = timedelta(days=1)


def kinds(facts: Facts) -> list[IncidentKind]:
    """What is found."""
    return [each.kind for each in judge(facts).findings]


def only(facts: Facts) -> Finding:
    """The only finding."""
    (found,) = judge(facts).findings
    return found


def well() -> Facts:
    """A nightly sync that is well."""
    return facts_of(sync_of(*nights(20, first=0)))


def test_every_kind_has_a_condition() -> None:
    assert set(CONDITIONS) == set(IncidentKind)


def test_nothing_is_found_when_all_is_well() -> None:
    verdict = judge(well())

    assert verdict.findings == ()
    assert verdict.judged == frozenset(IncidentKind)


def test_a_database_that_is_away_is_told_within_two_minutes_and_runs_are_not_judged() -> None:
    syncs = [sync_of(failed(0), *nights(20))]
    away = DatabaseFacts(is_reachable=False, since=NOW - 2 * MINUTE, reason="connection refused")
    verdict = judge(facts_of(*syncs, database=away))

    (found,) = verdict.findings
    assert found.kind is IncidentKind.DATABASE_UNREACHABLE
    assert found.severity is Severity.CRITICAL
    assert found.cause == "connection refused"
    assert IncidentKind.FAILING not in verdict.judged
    restart = DatabaseFacts(is_reachable=False, since=NOW - timedelta(seconds=45))
    assert judge(facts_of(*syncs, database=restart)).findings == ()


def test_empty_lists_with_hooks_alone_are_suspect_at_the_end_of_the_run() -> None:
    history = [Measures(0, 9.0, 34, 640, 250_000)] * 20
    reasons = "; ".join(each.text for each in anomalies(Measures(0, 0.1, 2, 0, 4), history))
    usual = [ended(night, items=0, api_calls=34, duration=9.0) for night in range(1, 21)]
    empty = ended(0, items=0, api_calls=2, duration=0.1, suspect_reason=reasons)

    found = only(facts_of(sync_of(empty, *usual)))
    assert (found.kind, found.subject) == (IncidentKind.SUSPECT, "full")
    assert "2 API calls where 34 are usual" in found.cause


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


def test_one_failed_night_is_one_critical_finding_until_the_next_good_night() -> None:
    found = only(facts_of(sync_of(failed(0), *nights(20))))

    assert (found.kind, found.severity) == (IncidentKind.FAILING, Severity.CRITICAL)
    assert found.cause == "KeyError: 'term'"
    assert found.runs == ("full-1125-0201-",)
    later = NOW + timedelta(hours=22)
    assert only(facts_of(sync_of(failed(0), *nights(20), now=later), now=later)) == found
    assert kinds(facts_of(sync_of(ended(0), failed(1), *nights(20, 2)))) == []


def test_runs_that_fail_in_a_row_are_counted_and_begin_with_the_first() -> None:
    once = only(facts_of(sync_of(failed(0), *nights(20))))
    thrice = only(facts_of(sync_of(*(failed(night) for night in range(3)), *nights(20, first=3))))

    assert (once.summary, once.run_count) == ("A run of full failed.", 1)
    assert (thrice.summary, thrice.run_count) == ("3 runs of full in a row failed.", 3)
    assert thrice.since == failed(2).start
    assert thrice.counts == {"KeyError: 'term'": 3}


def test_partial_every_night_is_partial_only() -> None:
    every_night = [ended(night, status=RunStatus.PARTIAL) for night in range(30)]

    found = only(facts_of(sync_of(*every_night)))
    assert (found.kind, found.severity) == (IncidentKind.PARTIAL, Severity.WARNING)


def samples(free: list[float], step: timedelta) -> list[Sample]:
    """Values up to now, one every ``step``."""
    return [
        Sample(NOW - step * (len(free) - 1 - number), value) for number, value in enumerate(free)
    ]


def test_a_slope_of_the_disk_counts_after_six_hours() -> None:
    steep = [67.5 * GIBIBYTE - number * 0.5 * GIBIBYTE for number in range(100)]

    assert kinds(facts_of(disk_free=samples(steep[:11], MINUTE))) == []
    found = only(facts_of(disk_free=samples(steep, 5 * MINUTE)))
    assert (found.kind, found.severity) == (IncidentKind.DISK_FILLING, Severity.CRITICAL)
    assert only(facts_of(disk_free=samples([100.0 * 1024**2], MINUTE))).severity == "critical"


def test_a_low_quota_ages_with_the_token() -> None:
    seen = NOW - timedelta(seconds=15)
    reading = TokenReading(45.0, 600.0, seen.timestamp(), 1.0, 1.0)
    quota = quota_of("3f2a91c0", [reading], NOW.timestamp())
    idle = TokenFacts("3f2a91c0", None, quota.remaining, quota.maximum, seen)

    assert quota.remaining == 195
    assert kinds(facts_of(tokens=[idle])) == []
    low = TokenFacts("3f2a91c0", None, 20.0, 600.0, NOW, low_since=NOW - 3 * MINUTE)
    assert kinds(facts_of(tokens=[low])) == [IncidentKind.QUOTA_LOW]


def test_three_times_slower_is_told_at_the_end_of_the_run() -> None:
    hourly = nightly(schedule=CronSchedule("0 * * * *", UTC))
    usual = [
        ended(start=NOW - timedelta(hours=number, minutes=59), duration=300.0)
        for number in range(1, 21)
    ]
    slow = ended(start=NOW - 59 * MINUTE, duration=900.0, suspect_reason="slow: 900.0 s where ...")

    found = only(facts_of(sync_of(slow, *usual, expectation=hourly)))
    assert (found.kind, found.severity) == (IncidentKind.SLOW, Severity.WARNING)


@pytest.mark.parametrize("hours", [26, -26])
def test_a_wrong_clock_is_told_at_the_first_answer_and_times_are_not_judged(hours: int) -> None:
    verdict = judge(facts_of(sync_of(*nights(20, 3)), clock=ClockFacts(hours * 3600.0, NOW)))

    (found,) = verdict.findings
    assert (found.kind, found.severity) == (IncidentKind.CLOCK_WRONG, Severity.CRITICAL)
    assert IncidentKind.MISSED not in verdict.judged


def test_a_run_of_the_future_does_not_hide_that_runs_are_missed() -> None:
    future = ended(start=NOW + timedelta(hours=25))

    assert kinds(facts_of(sync_of(future, *nights(20)))) == [IncidentKind.MISSED]


def test_an_unwritable_log_folder_is_told_by_the_run_or_is_the_cause_of_missed_ones() -> None:
    problem = "/logs is not writable for user 1001."
    run = ended(0, telemetry_fault=problem)

    found = only(facts_of(sync_of(run, *nights(20))))
    assert (found.kind, found.cause) == (IncidentKind.LOG_FOLDER_UNWRITABLE, problem)
    folder = LogFolderFacts("/logs", problem, NOW - 5 * MINUTE)
    found = judge(facts_of(sync_of(*nights(20)), log_folder=folder)).findings[0]
    assert found.kind is IncidentKind.MISSED
    assert problem in found.cause


def test_a_crash_inside_a_list_is_the_crash_alone() -> None:
    crash = failed(0, api_truncated=1)

    assert kinds(facts_of(sync_of(crash, *nights(20)))) == [IncidentKind.FAILING]
    assert kinds(facts_of(sync_of(ended(0, api_truncated=1), *nights(20)))) == [
        IncidentKind.LIST_TRUNCATED
    ]


def test_ten_thousand_users_of_one_night_are_one_finding_with_causes_counted() -> None:
    def night(number: int, broken: int) -> list:  # type: ignore[type-arg]
        return [
            (failed if user < broken else ended)(
                number, user_id=user, error_message=f"user {user}: no term"
            )
            for user in range(10_000)
        ]

    before = night(1, 20)
    found = only(facts_of(sync_of(*night(0, 6_000), *before)))
    assert (found.kind, found.severity) == (IncidentKind.FAILING, Severity.CRITICAL)
    assert (found.run_count, found.user_count, len(found.runs)) == (6_000, 6_000, 20)
    assert found.counts == {"KeyError: user #: no term": 6_000}
    assert "6,000 of 10,000 runs" in found.summary
    assert kinds(facts_of(sync_of(*night(0, 20), *before))) == []
    assert only(facts_of(sync_of(*night(0, 400), *before))).severity is Severity.WARNING


def test_a_hung_run_is_stuck_and_nothing_else() -> None:
    later = NOW + timedelta(days=1, hours=2)
    hung = RunningRun("full-9", "full", NOW - 59 * MINUTE, later)

    facts = facts_of(sync_of(*nights(20), running=(hung,), now=later), now=later)
    assert kinds(facts) == [IncidentKind.STUCK]


def test_a_refused_token_is_one_finding_for_all_its_syncs() -> None:
    refused = {"error_type": "InvalidAccessToken", "error_message": "Expired access token."}
    full = sync_of(failed(0, **refused), *nights(20))
    other = sync_of(failed(0, **refused, sync_type="grades"), *nights(20), sync_type="grades")

    found = only(facts_of(full, other, tokens=[TokenFacts("3f2a91c0")]))
    assert (found.kind, found.subject) == (IncidentKind.TOKEN_REFUSED, "3f2a91c0")
    assert found.cause == "The token is expired."
    assert found.affects == {"full", "grades"}


REFUSED = {"error_type": "InvalidAccessToken", "error_message": "Expired access token."}


def users_runs(night: int, **of_user: EndedRun) -> list[EndedRun]:
    """The runs of seven users in a night, all well but for those given as ``user_<id>``."""
    return [
        replace(of_user.get(f"user_{user}", ended(night)), user_id=user, id=f"{night}-{user}")
        for user in range(41, 48)
    ]


def test_one_refused_token_of_a_few_users_is_certain_at_once() -> None:
    found = only(facts_of(sync_of(*users_runs(0, user_46=failed(0, **REFUSED)))))

    assert (found.kind, found.run_count) == (IncidentKind.TOKEN_REFUSED, 1)
    assert found.runs == ("0-46",)
    assert kinds(facts_of(sync_of(*users_runs(0, user_46=failed(0))))) == []


def test_a_refused_token_counts_until_its_user_runs_again() -> None:
    refused = replace(failed(0, **REFUSED), user_id=46)
    first = [replace(ended(start=NOW - 48 * MINUTE), user_id=41, duration=1.0), refused]
    others = [replace(ended(start=NOW - 5 * MINUTE), user_id=user) for user in (41, 42, 45)]
    again = replace(ended(start=NOW - 4 * MINUTE), user_id=46)

    def told(*runs: EndedRun) -> list[IncidentKind]:
        return kinds(facts_of(sync_of(*runs, expectation=None, due=(), next_due=None)))

    assert told(*others, *first) == [IncidentKind.TOKEN_REFUSED]
    assert told(again, *others, *first) == []


def test_one_refused_token_does_not_hide_that_others_fail_for_another_cause() -> None:
    def night(number: int) -> list[EndedRun]:
        died = ended(number, status=RunStatus.INTERRUPTED)
        return users_runs(number, user_42=died, user_46=failed(number, **REFUSED), user_47=died)

    assert set(kinds(facts_of(sync_of(*night(0), *night(1))))) == {
        IncidentKind.INTERRUPTED,
        IncidentKind.TOKEN_REFUSED,
    }


@pytest.mark.parametrize("calls", [36, 36_000])
def test_failing_calls_are_judged_by_the_usual_traffic(calls: int) -> None:
    usual = [ended(night, api_calls=calls, api_failed=calls // 1000) for night in range(1, 21)]
    stray = ended(0, api_calls=calls, api_failed=max(1, calls // 500))
    bad = ended(0, api_calls=calls, api_failed=calls // 5)

    assert kinds(facts_of(sync_of(stray, *usual))) == []
    strays = ended(0, api_calls=77, api_failed=4)
    assert kinds(facts_of(sync_of(strays, *usual))) == []
    assert kinds(facts_of(sync_of(bad, *usual))) == [IncidentKind.API_FAILING]


def test_rows_that_come_in_after_an_outage_are_waited_for() -> None:
    back = DatabaseFacts(is_reachable=True, since=NOW - MINUTE)

    verdict = judge(facts_of(sync_of(*nights(20)), database=back))
    assert verdict.findings == ()
    assert IncidentKind.MISSED not in verdict.judged


def every_quarter(*newest: EndedRun) -> Facts:
    """A sync every 15 minutes, of which the newest runs are given, newest first."""
    promise = nightly(schedule=CronSchedule("*/15 * * * *", UTC), grace=5 * MINUTE)
    runs = [
        ended(start=NOW - MINUTE * (15 * number - 1), duration=60.0)
        for number in range(len(newest) + 1, 40)
    ]
    at_their_time = [
        replace(run, start=NOW - MINUTE * (15 * number - 1), end=NOW - MINUTE * (15 * number - 2))
        for number, run in enumerate(newest, 1)
    ]
    return facts_of(sync_of(*at_their_time, *runs, expectation=promise))


def test_a_sync_every_quarter_of_an_hour_gets_a_second_chance_for_what_may_pass() -> None:
    stray = failed(error_type="ReadTimeout", error_message="Read timed out.", api_failed=1)
    killed = ended(status=RunStatus.INTERRUPTED)
    broken = failed(error_type="TypeError", error_message="unexpected keyword")
    nothing_works = replace(stray, api_calls=4, api_failed=4)

    for once in (stray, killed):
        assert kinds(every_quarter(once)) == []
        assert len(kinds(every_quarter(once, once))) == 1
        assert kinds(every_quarter(ended(), once, once)) == []
    assert kinds(every_quarter(broken)) == [IncidentKind.FAILING]
    assert kinds(every_quarter(nothing_works)) == [IncidentKind.API_FAILING]


def test_a_frequent_sync_gets_a_second_chance_for_any_odd_result_and_with_a_sparse_rhythm() -> None:
    odd = ended(suspect_reason="few_items: 0 items where 20 are usual; few_calls: 15 API calls")

    assert kinds(every_quarter(odd)) == []
    assert kinds(every_quarter(odd, odd)) == [IncidentKind.SUSPECT]
    (sync,) = every_quarter(odd).syncs.values()
    sparse = facts_of(replace(sync, due=sync.due[::3]))
    assert kinds(sparse) == []


def users_of(night: int, count: int, *odd: EndedRun) -> list[EndedRun]:
    """The newest of so many users' runs of a night, the last ones ``odd``."""
    runs = [*odd, *[ended(night) for _ in range(count - len(odd))]]
    start = NOW - timedelta(days=night, minutes=59)
    seconds = [timedelta(seconds=10 * number) for number in reversed(range(count))]
    return [
        replace(run, id=f"{night}-{user}", user_id=user, start=start + late, end=start + 2 * late)
        for user, (run, late) in enumerate(zip(runs, seconds, strict=True))
    ]


def test_the_first_bad_run_of_a_night_waits_for_the_others_while_they_run() -> None:
    earlier = [run for night in range(1, 4) for run in users_of(night, 30)]
    first = replace(failed(0), user_id=29, id="0-29")
    soon, late = first.end + MINUTE, first.end + 4 * MINUTE
    others = {"running": [RunningRun("0-28", "full", first.end, late)]}

    assert kinds(facts_of(sync_of(first, *earlier, now=soon), now=soon)) == []
    assert kinds(facts_of(sync_of(first, *earlier, now=late, **others), now=late)) == []
    assert kinds(facts_of(sync_of(first, *earlier, now=late), now=late)) == [IncidentKind.FAILING]


def test_a_few_odd_results_among_many_users_are_chance() -> None:
    odd = ended(suspect_reason="few_items: 4 items where 25 are usual")
    earlier = [run for night in range(1, 4) for run in users_of(night, 30)]

    assert kinds(facts_of(sync_of(*users_of(0, 30, *[odd] * 3), *earlier))) == []
    found = kinds(facts_of(sync_of(*users_of(0, 30, *[odd] * 12), *earlier)))
    assert found == [IncidentKind.SUSPECT]


def test_runs_of_one_type_that_fail_for_many_reasons_are_one_finding() -> None:
    refused = {"error_type": "InvalidAccessToken", "error_message": "Revoked access token."}
    users = [failed(0, user_id=user, **(refused if user < 20 else {})) for user in range(30)]

    found = only(facts_of(sync_of(*users, *nights(20))))
    assert (found.kind, found.cause) == (IncidentKind.TOKEN_REFUSED, "The token is revoked.")
    assert found.counts == {"InvalidAccessToken: Revoked access token.": 20, "KeyError: 'term'": 10}


def test_a_type_that_is_gone_is_not_failing_for_ever() -> None:
    by_hand = [failed(0), *nights(3)]

    assert kinds(facts_of(sync_of(*by_hand, expectation=None))) == [IncidentKind.FAILING]
    later = NOW + 2 * DAY
    assert kinds(facts_of(sync_of(*by_hand, expectation=None, now=later), now=later)) == []


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


@pytest.mark.parametrize(
    ("judged", "started", "database_back", "is_found"),
    [
        (6, 60, 60, True),
        (4, 60, 60, False),
        (6, 1, 1, True),  # it was down before we started
        (60, 120, 4, False),  # while the database was unreachable, it could not say that it judges
        (60, 120, 6, True),
        (None, 4, 4, False),
        (None, 6, 6, True),
    ],
)
def test_an_exporter_is_silent_if_it_could_have_judged_for_five_minutes(
    judged: int | None, started: int, database_back: int, *, is_found: bool
) -> None:
    facts = replace(
        well(),
        started=NOW - started * MINUTE,
        database=DatabaseFacts(is_reachable=True, since=NOW - database_back * MINUTE),
        others=[OtherExporter("sync-1", None if judged is None else NOW - judged * MINUTE)],
    )
    assert (IncidentKind.EXPORTER_SILENT in kinds(facts)) is is_found


def test_with_several_hosts_a_full_disk_has_the_name_of_its_host() -> None:
    full = replace(well(), disk_free=[Sample(NOW, GIBIBYTE / 10)])
    assert only(full).subject == "disk of the logs"
    found = only(replace(full, host="sync-1"))
    assert found.subject == "disk of the logs on sync-1"
    assert found.summary.startswith("sync-1: Only 0.1 GiB are free")
