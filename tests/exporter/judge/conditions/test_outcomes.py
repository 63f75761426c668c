"""How runs ended."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, timedelta

from canvas_sync_core.names import IncidentKind, RunStatus, Severity
from canvas_sync_core.store.comparison import Measures, anomalies
from canvas_sync_exporter.judge.facts import EndedRun, Facts, RunningRun
from canvas_sync_exporter.schedules.cron import CronSchedule
from support.judge_facts import NOW, ended, facts_of, failed, nightly, nights, sync_of
from support.verdicts import DAY, MINUTE, kinds, only


def test_empty_lists_with_hooks_alone_are_suspect_at_the_end_of_the_run() -> None:
    history = [Measures(0, 9.0, 34, 640, 250_000)] * 20
    reasons = "; ".join(each.text for each in anomalies(Measures(0, 0.1, 2, 0, 4), history))
    usual = [ended(night, items=0, api_calls=34, duration=9.0) for night in range(1, 21)]
    empty = ended(0, items=0, api_calls=2, duration=0.1, suspect_reason=reasons)

    found = only(facts_of(sync_of(empty, *usual)))
    assert (found.kind, found.subject) == (IncidentKind.SUSPECT, "full")
    assert "2 API calls where 34 are usual" in found.cause


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


def test_three_times_slower_is_reported_at_the_end_of_the_run() -> None:
    hourly = nightly(schedule=CronSchedule("0 * * * *", UTC))
    usual = [
        ended(start=NOW - timedelta(hours=number, minutes=59), duration=300.0)
        for number in range(1, 21)
    ]
    slow = ended(start=NOW - 59 * MINUTE, duration=900.0, suspect_reason="slow: 900.0 s where ...")

    found = only(facts_of(sync_of(slow, *usual, expectation=hourly)))
    assert (found.kind, found.severity) == (IncidentKind.SLOW, Severity.WARNING)


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


def test_a_frequent_sync_gets_a_second_chance_for_any_odd_result_even_with_a_sparse_rhythm() -> (
    None
):
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
