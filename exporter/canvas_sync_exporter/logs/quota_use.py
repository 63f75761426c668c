"""Who used the quota of Canvas in a time range, from the log of API calls."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from canvas_sync_core.names import Log

from .route_use import RouteUse, use_by_route
from .search import FoundLine, LineFilter, LogSearch

__all__ = ["QuotaUse", "QuotaUser", "quota_use"]

_MOST_CALLS: Final = 5000
_MOST_USERS: Final = 10


@dataclass(frozen=True, slots=True)
class QuotaUser:
    """What a sync for a user has used of the quota of a token.

    Attributes:
        sync_type: None for calls outside of runs.
        token: Short hash of the token; None if it is unknown.
        throttled: Number of calls that Canvas refused because the quota was used up.
        cost: Sum of ``X-Request-Cost``.
        share: Share of the cost of all calls that were read, 0 to 1; None if no call had a cost.
        lowest_remaining: The least that Canvas reported as left after a call; None if unknown.
    """

    sync_type: str | None
    user_id: int | None
    token: str | None
    calls: int
    throttled: int
    cost: float
    share: float | None
    lowest_remaining: float | None


@dataclass(frozen=True, slots=True)
class QuotaUse:
    """Who used the quota, and for what.

    Attributes:
        users: The ten who used the most, in descending order.
        routes: The fifteen routes that took the most time, slowest first.
        calls: Number of calls that were read.
        searched_to: Only newer calls were read; None if all were.
        problems: What could not be read, and why.
    """

    users: list[QuotaUser]
    routes: list[RouteUse]
    calls: int
    searched_to: dt.datetime | None
    problems: list[str]


def quota_use(
    log_dir: Path,
    archive_dir: Path,
    since: dt.datetime,
    until: dt.datetime,
    *,
    seconds: float,
    zone: dt.tzinfo,
) -> QuotaUse:
    """Add up the cost of the newest 5,000 calls in a time range.

    Args:
        log_dir: Folder of the logs.
        archive_dir: Folder of the archives; may be missing.
        since: Start, inclusive.
        until: End, exclusive.
        seconds: Time limit.
        zone: Time zone of the times in human-readable lines.

    Raises:
        LogFolderError: A folder is missing or cannot be read.
        OSError: A file cannot be read.
    """
    wanted = LineFilter(logs=(Log.API_CALLS,), since=since, until=until)
    search = LogSearch(log_dir, archive_dir, wanted, limit=_MOST_CALLS, seconds=seconds, zone=zone)
    with closing(search):
        lines = list(search)
        # Without a time, nothing was read; what is left may all be from before the range.
        searched_to = None if search.cursor is None else search.searched_to or until
        if searched_to is not None and searched_to <= since:
            searched_to = None
    return QuotaUse(
        users=_by_user(lines),
        routes=use_by_route(line.fields for line in lines),
        calls=len(lines),
        searched_to=searched_to,
        problems=search.notes.problems,
    )


def _by_user(lines: Iterable[FoundLine]) -> list[QuotaUser]:
    groups: dict[tuple[Any, ...], list[dict[str, Any]]] = {}
    for line in lines:
        key = tuple(line.fields.get(name) for name in ("sync_type", "user_id", "token"))
        groups.setdefault(key, []).append(line.fields)
    total = sum(_cost(call) for calls in groups.values() for call in calls)
    users = [_user(key, calls, total) for key, calls in groups.items()]
    users.sort(key=lambda each: (each.cost, each.throttled, each.calls), reverse=True)
    return users[:_MOST_USERS]


def _user(key: tuple[Any, ...], calls: Sequence[dict[str, Any]], total: float) -> QuotaUser:
    sync_type, user_id, token = key
    cost = sum(map(_cost, calls))
    return QuotaUser(
        sync_type=sync_type,
        user_id=user_id,
        token=token,
        calls=len(calls),
        throttled=sum(call.get("throttled") is True for call in calls),
        cost=cost,
        share=cost / total if total else None,
        lowest_remaining=min(_remaining(calls), default=None),
    )


def _cost(call: dict[str, Any]) -> float:
    cost = call.get("cost")
    return float(cost) if isinstance(cost, int | float) else 0.0


def _remaining(calls: Iterable[dict[str, Any]]) -> Iterable[float]:
    values = (call.get("rate_limit_remaining") for call in calls)
    return (float(value) for value in values if isinstance(value, int | float))
