"""Canvas access tokens: refused, expiring, quota nearly used up."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Final

from canvas_sync_core.canvas.quota import HIGH_WATER
from canvas_sync_core.names import IncidentKind, Severity
from canvas_sync_core.wording import plural
from canvas_sync_exporter.judge.causes import evidence, explain, refusal_reason
from canvas_sync_exporter.judge.facts import Facts, Refusal, SyncFacts
from canvas_sync_exporter.judge.finding import Finding
from canvas_sync_exporter.judge.memo import once_for_each_judging
from canvas_sync_exporter.judge.rounds import Key, Round
from canvas_sync_exporter.judge.runs import EndedRun
from canvas_sync_exporter.judge.timing import counted_rounds, once_for_same_rounds
from canvas_sync_exporter.schedules.durations import format_duration

from .outcomes import FEW_RUNS, affected, bad_ending

__all__ = ["quota_low", "refused_runs", "token_expiring", "token_refused"]

_EXPIRES_SOON: Final = timedelta(days=14)
"""Time left before a token expires, from which on the incident is open."""
_CRITICAL_LEFT: Final = timedelta(days=1)
"""Time left before a token expires, from which on the incident is critical."""
_EXPIRED_FOR: Final = timedelta(days=7)
"""A token that expired longer ago is no longer reported."""
_LOW_FOR: Final = timedelta(minutes=2)
"""A quota counts as low only if it has been for this long."""
_MOST_OF_THE_CALLS: Final = 0.5
"""Share of failed calls of a round, from which on refusals that the app ignored count."""
_FEWEST_FAILED: Final = 3
"""With fewer failed calls in a round, refusals that the app ignored do not count."""
_NO_TOKEN: Final = frozenset({"forbidden", "missing_user_agent"})
"""Reasons for a refusal that say nothing against the token."""
_REASONS: Final[Mapping[str, str]] = {
    **dict.fromkeys(("invalid_token", "invalid_refresh_token"), "invalid"),
    **dict.fromkeys(("invalid_grant", "invalid_client"), "invalid"),
    "expired_token": "expired",
    "revoked_token": "revoked",
    "insufficient_scope": "not allowed to do this (scopes)",
}
"""What a token is, by what the hooks counted."""
_VAGUE: Final = frozenset({None, "refused"})
_MOST_USERS: Final = 3
_STILL_REFUSED: Final = timedelta(days=1)
"""How long a refusal counts while other users run and the refused one does not."""
_REFUSED_BEFORE: Final = timedelta(minutes=2)
"""A refusal counts for a run if it came no longer than this before the run started."""
_SUBJECT: Final = "access token"
"""Never a token's hash: which token it is may become known, or doubtful, while it is refused."""


def token_refused(facts: Facts) -> Iterable[Finding]:
    """Find tokens that Canvas refuses, with the affected sync types and users."""
    runs = [run for sync in facts.syncs.values() for run in refused_runs(facts, sync)]
    if not runs:
        return
    since = min(run.start for run in runs)
    refusals = _refusals(facts, since)
    types = sorted({run.sync_type for run in runs})
    reason = _reason(runs, refusals)
    token = _refused_token(facts, reason)
    if token:
        what = f"the access token {token} used by {', '.join(types)}"
    else:
        what = f"an access token used by {', '.join(types)}{_users(runs)}"
    yield Finding(
        kind=IncidentKind.TOKEN_REFUSED,
        subject=_SUBJECT,
        severity=Severity.CRITICAL,
        since=since,
        summary=f"Canvas refuses {what}.",
        cause=f"The token is {reason}." if reason else "Canvas gave no reason.",
        sync_type=_only(set(types)),
        affects=frozenset(types),
        **evidence(runs),
    )


@once_for_each_judging
def refused_runs(facts: Facts, sync: SyncFacts) -> Sequence[EndedRun]:
    """Return the runs of the newest round whose token was refused.

    If there are few users, one refusal is enough, because a refused token never recovers by itself.
    An app may ignore refusals and report success; then most of its calls failed.
    """
    ending = bad_ending(facts, sync)
    if ending is not None and ending[0] is IncidentKind.TOKEN_REFUSED:
        return ending[1]
    refused = _certainly_refused(facts, sync)
    if refused or ending is not None:
        return refused
    rounds = counted_rounds(facts, sync)
    if not rounds:
        return ()
    totals = rounds[0].totals
    if totals.api_failed < max(_FEWEST_FAILED, totals.api_calls * _MOST_OF_THE_CALLS):
        return ()
    count = sum(each.count for each in _refusals(facts, rounds[0].start))
    return tuple(rounds[0].results.values()) if count >= 1 else ()


@once_for_same_rounds
def _certainly_refused(facts: Facts, sync: SyncFacts) -> Sequence[EndedRun]:
    refused = affected(facts, sync, _is_refused, certain=True)
    return refused or _still_refused(counted_rounds(facts, sync))


def _still_refused(rounds: Sequence[Round]) -> Sequence[EndedRun]:
    """Return the refused runs of users who have not run since.

    Without fixed due times, a batch of users may be split between two rounds, and a user who runs
    more often than others, as on demand, makes rounds of their own. So an older round counts until
    two as large as most of it have followed, but no longer than a day.
    """
    again: set[Key] = set()
    sizes: list[int] = []
    for each in rounds:
        if len(sizes) > 1 and rounds[0].start - each.start > _STILL_REFUSED:
            break
        size = len(each.results)
        if each.notable and sizes and size <= FEW_RUNS:
            followed = sum(2 * later > size for later in sizes)
            refused = [
                run for key, run in each.notable.items() if key not in again and _is_refused(run)
            ]
            if refused and followed < 2:
                return refused
        again.update(each.results)
        sizes.append(size)
    return ()


def token_expiring(facts: Facts) -> Iterable[Finding]:
    """Find tokens that expire within two weeks."""
    for token in facts.tokens:
        if token.expires is None:
            continue
        left = token.expires - facts.now
        if not -_EXPIRED_FOR <= left <= _EXPIRES_SOON:
            continue
        when = f"{token.expires:%Y-%m-%d %H:%M} UTC"
        if left <= timedelta(0):
            verb, effect = "expired", "Canvas refuses it now."
        else:
            verb, effect = "expires", "Canvas will then refuse it."
        yield Finding(
            kind=IncidentKind.TOKEN_EXPIRING,
            subject=token.token,
            severity=Severity.CRITICAL if left <= _CRITICAL_LEFT else Severity.WARNING,
            since=token.expires - _EXPIRES_SOON,
            summary=f"The access token {token.token} {verb} on {when}.",
            cause=f"{effect} Create a new token and put it into the settings.",
        )


def quota_low(facts: Facts) -> Iterable[Finding]:
    """Find tokens in use whose quota has been nearly used up for minutes."""
    for token in facts.tokens:
        low_since = token.low_since
        if token.remaining is None or low_since is None or facts.now - low_since < _LOW_FOR:
            continue
        maximum = token.maximum or HIGH_WATER
        lasted = format_duration(facts.now - low_since)
        yield Finding(
            kind=IncidentKind.QUOTA_LOW,
            subject=token.token,
            severity=Severity.WARNING,
            since=low_since,
            summary=f"The quota of the access token {token.token} is nearly used up.",
            cause=f"{token.remaining:.0f} of {maximum:.0f} are left. It has been low for {lasted}.",
        )


def _reason(runs: Sequence[EndedRun], refusals: Sequence[Refusal]) -> str | None:
    """Return what the token is; None when unknown.

    The hooks have counted what Canvas said, which an app's own error often leaves out.
    """
    specific = next((words for run in runs if (words := refusal_reason(run)) not in _VAGUE), None)
    return specific or (_REASONS.get(refusals[0].reason) if refusals else None)


def _users(runs: Iterable[EndedRun]) -> str:
    """Name the users whose runs were refused, if they are few: each may have their own token."""
    users = {run.user_id for run in runs}
    if None in users or len(users) > _MOST_USERS:
        return ""
    return f" for {plural(len(users), 'user')} {', '.join(map(str, sorted(filter(None, users))))}"


def _is_refused(run: EndedRun) -> bool:
    return explain(run) is IncidentKind.TOKEN_REFUSED


def _refusals(facts: Facts, since: datetime) -> list[Refusal]:
    """Return the refused tokens since about a time, most frequent first."""
    refused: Iterator[Refusal] = (
        each
        for each in facts.refusals
        if each.last >= since - _REFUSED_BEFORE and each.reason not in _NO_TOKEN
    )
    return sorted(refused, key=lambda each: -each.count)


def _refused_token(facts: Facts, reason: str | None) -> str | None:
    """Return the token that Canvas refuses, if there is no doubt which one it is.

    A run does not say which token it used: it is the only one that has expired, or the only one
    that was used.
    """
    expired = {
        each.token
        for each in facts.tokens
        if each.expires is not None and each.expires <= facts.now
    }
    if reason == "expired" and expired:
        return _only(expired)
    return _only({each.token for each in facts.tokens if each.seen is not None})


def _only(names: set[str]) -> str | None:
    """Return the only name in a set; None if there are none or several."""
    return next(iter(names)) if len(names) == 1 else None
