"""Refused tokens and low quotas."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

import pytest

from canvas_sync_core.canvas.quota import TokenReading, quota_of
from canvas_sync_core.names import IncidentKind, RunStatus
from canvas_sync_exporter.judge.facts import EndedRun, Facts, Refusal, TokenFacts
from support.judge_facts import NOW, ended, facts_of, failed, nights, sync_of
from support.verdicts import MINUTE, kinds, only


def test_a_low_quota_ages_with_the_token() -> None:
    seen = NOW - timedelta(seconds=15)
    reading = TokenReading(45.0, 600.0, seen.timestamp(), 1.0, 1.0)
    quota = quota_of("3f2a91c0", [reading], NOW.timestamp())
    idle = TokenFacts("3f2a91c0", None, quota.remaining, quota.maximum, seen)

    assert quota.remaining == 195
    assert kinds(facts_of(tokens=[idle])) == []
    low = TokenFacts("3f2a91c0", None, 20.0, 600.0, NOW, low_since=NOW - 3 * MINUTE)
    assert kinds(facts_of(tokens=[low])) == [IncidentKind.QUOTA_LOW]


USED = TokenFacts("3f2a91c0", None, 500.0, 600.0, NOW)
REFUSED = {"error_type": "InvalidAccessToken", "error_message": "Expired access token."}


def test_a_refused_token_is_one_finding_for_all_its_syncs() -> None:
    found = only(refused_facts(USED))
    assert (found.kind, found.subject) == (IncidentKind.TOKEN_REFUSED, "access token")
    assert found.summary == "Canvas refuses the access token 3f2a91c0 used by full, grades."
    assert found.cause == "The token is expired."
    assert found.affects == {"full", "grades"}


OTHER = TokenFacts("9ea1d209", None, 500.0, 600.0, NOW)
EXPIRED = TokenFacts("9ea1d209", NOW - timedelta(days=30))
LASTING = TokenFacts("nightly", NOW + timedelta(days=90))


@pytest.mark.parametrize(
    ("tokens", "named"),
    [
        ((), ""),
        ((USED, OTHER), ""),
        ((USED, LASTING), "3f2a91c0"),
        ((LASTING,), ""),
        ((USED, EXPIRED), "9ea1d209"),
        ((EXPIRED, replace(EXPIRED, token="weekly")), ""),
    ],
    ids=("none known", "two used", "one used", "none used", "one expired", "two expired"),
)
def test_a_refused_token_is_named_only_if_that_is_certain_and_is_always_the_same_incident(
    tokens: Sequence[TokenFacts], named: str
) -> None:
    found = only(refused_facts(*tokens))
    name = f"the access token {named}" if named else "an access token"
    assert found.summary == f"Canvas refuses {name} used by full, grades."
    assert found.subject == only(refused_facts()).subject


@pytest.mark.parametrize(
    ("users", "named"),
    [
        ((46,), " for user 46"),
        ((47, 46), " for users 46, 47"),
        ((None,), ""),
        ((46, None), ""),
        (range(4), ""),
    ],
)
def test_a_refused_token_that_is_not_known_is_named_by_its_few_users(
    users: Sequence[int | None], named: str
) -> None:
    runs = [replace(failed(0, **REFUSED), user_id=user, id=f"run-{user}") for user in users]
    found = only(facts_of(sync_of(*runs)))
    assert found.summary == f"Canvas refuses an access token used by full{named}."


@pytest.mark.parametrize(
    ("reason", "cause"),
    [
        ("expired_token", "The token is expired."),
        ("invalid_grant", "The token is invalid."),
        ("forbidden", "Canvas gave no reason."),
    ],
)
def test_what_canvas_said_counts_if_the_error_of_the_app_leaves_it_out(
    reason: str, cause: str
) -> None:
    refused = failed(0, error_type="HTTPError", error_message="401 Client Error: Unauthorized")
    counted = Refusal(reason, 1, refused.start, refused.end)
    assert only(facts_of(sync_of(refused), refusals=[counted])).cause == cause


def refused_facts(*tokens: TokenFacts) -> Facts:
    """Two syncs whose last runs Canvas refused, and the tokens that are known."""
    full = sync_of(failed(0, **REFUSED), *nights(20))
    other = sync_of(failed(0, **REFUSED, sync_type="grades"), *nights(20), sync_type="grades")
    return facts_of(full, other, tokens=tokens)


def users_runs(night: int, *, count: int = 7, **of_user: EndedRun) -> list[EndedRun]:
    """The runs of several users in a night, all well but for those given as ``user_<id>``."""
    return [
        replace(of_user.get(f"user_{user}", ended(night)), user_id=user, id=f"{night}-{user}")
        for user in range(41, 41 + count)
    ]


def test_one_refused_token_of_a_few_users_is_certain_at_once() -> None:
    found = only(facts_of(sync_of(*users_runs(0, user_46=failed(0, **REFUSED)))))

    assert (found.kind, found.run_count) == (IncidentKind.TOKEN_REFUSED, 1)
    assert found.runs == ("0-46",)
    assert kinds(facts_of(sync_of(*users_runs(0, user_46=failed(0))))) == []


def test_one_refused_token_of_many_users_is_no_incident_while_only_a_few_of_them_have_run() -> None:
    """Else it would be open for as long as a few have run, and over though nobody mended it."""
    refused = failed(0, **REFUSED)
    night_before = users_runs(1, count=24)
    so_far, at_the_end = (users_runs(0, count=count, user_46=refused) for count in (15, 24))

    now = refused.end + MINUTE
    assert [
        kinds(facts_of(sync_of(*tonight, *night_before, now=now), now=now))
        for tonight in (so_far, at_the_end)
    ] == [[], []]


def test_a_refused_token_counts_until_its_user_runs_again() -> None:
    refused = replace(failed(0, **REFUSED), user_id=46)
    first = [replace(ended(start=NOW - 48 * MINUTE), user_id=41, duration=1.0), refused]
    others = [replace(ended(start=NOW - 5 * MINUTE), user_id=user) for user in (41, 42, 45)]
    again = replace(ended(start=NOW - 4 * MINUTE), user_id=46)

    def kinds_of(*runs: EndedRun) -> list[IncidentKind]:
        return kinds(facts_of(sync_of(*runs, expectation=None, due=(), next_due=None)))

    assert kinds_of(*others, *first) == [IncidentKind.TOKEN_REFUSED]
    assert kinds_of(again, *others, *first) == []


def test_a_refused_token_counts_although_another_user_has_run_several_times_since() -> None:
    batch = [replace(ended(start=NOW - 90 * MINUTE), user_id=user) for user in (41, 42, 44, 45)]
    refused = replace(failed(0, start=NOW - 90 * MINUTE, **REFUSED), user_id=46)
    on_demand = [replace(ended(start=NOW - n * MINUTE), user_id=41) for n in (15, 25, 35)]
    everyone = [replace(run, start=run.start + 88 * MINUTE) for run in batch]
    later = [replace(run, start=run.start + MINUTE) for run in everyone]

    def kinds_of(*runs: EndedRun) -> list[IncidentKind]:
        return kinds(facts_of(sync_of(*runs, expectation=None, due=(), next_due=None)))

    assert kinds_of(*on_demand, *batch, refused) == [IncidentKind.TOKEN_REFUSED]
    assert kinds_of(*everyone, *on_demand, *batch, refused) == [IncidentKind.TOKEN_REFUSED]
    assert kinds_of(*later, *everyone, *on_demand, *batch, refused) == [], "the user is gone"


def test_one_refused_token_does_not_hide_that_others_fail_for_another_cause() -> None:
    def night(number: int) -> list[EndedRun]:
        died = ended(number, status=RunStatus.INTERRUPTED)
        return users_runs(number, user_42=died, user_46=failed(number, **REFUSED), user_47=died)

    assert set(kinds(facts_of(sync_of(*night(0), *night(1))))) == {
        IncidentKind.INTERRUPTED,
        IncidentKind.TOKEN_REFUSED,
    }
