"""One cause is one incident: removes findings that merely follow from a more specific one.

A run that fails because its token is refused is not also reported as failing or suspect. While the
database is down, the rows waiting for it are not reported separately.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from functools import cache
from typing import Final, Protocol

from canvas_sync_core.names import IncidentKind as Kind

from .finding import Finding

__all__ = ["Problem", "continues", "explains", "one_of_each_cause"]

_LATER: Final = frozenset({Kind.OVERDUE, Kind.STALE_ITEMS})
"""Eventual consequences of any lasting problem."""
_QUALITY: Final = frozenset(
    {Kind.PARTIAL, Kind.SUSPECT, Kind.SLOW, Kind.LIST_TRUNCATED, *_LATER},
)
_FAILED_RUNS: Final = frozenset({Kind.FAILING, Kind.INTERRUPTED})

_OF_SAME_SYNC: Final[Mapping[Kind, frozenset[Kind]]] = {
    Kind.TOKEN_REFUSED: _QUALITY | _FAILED_RUNS | {Kind.API_FAILING, Kind.API_SLOW},
    Kind.DB_FAILING: _QUALITY | _FAILED_RUNS | {Kind.DB_SLOW},
    Kind.API_FAILING: _QUALITY | _FAILED_RUNS | {Kind.API_SLOW, Kind.THROTTLED, Kind.DB_SLOW},
    Kind.THROTTLED: _QUALITY | _FAILED_RUNS | {Kind.API_SLOW, Kind.QUOTA_LOW},
    Kind.FAILING: _QUALITY | {Kind.API_SLOW, Kind.DB_SLOW},
    Kind.INTERRUPTED: _QUALITY | {Kind.API_SLOW, Kind.DB_SLOW},
    Kind.STUCK: frozenset({Kind.MISSED, Kind.OVERLAPPING, Kind.SLOW, *_LATER}),
    Kind.MISSED: _LATER,
    Kind.OVERLAPPING: frozenset({Kind.SLOW}),
    Kind.API_SLOW: frozenset({Kind.SLOW, Kind.OVERLAPPING}),
    Kind.DB_SLOW: frozenset({Kind.SLOW, Kind.OVERLAPPING}),
    Kind.PARTIAL: frozenset({Kind.SUSPECT, Kind.SLOW, Kind.LIST_TRUNCATED, *_LATER}),
    Kind.LIST_TRUNCATED: frozenset({Kind.SUSPECT, *_LATER}),
    Kind.SUSPECT: frozenset({Kind.SLOW, *_LATER}),
    Kind.OVERDUE: frozenset({Kind.STALE_ITEMS}),
}
"""Kind -> kinds that it suppresses when both affect the same sync type."""

_OF_EXPORTER: Final[Mapping[Kind, frozenset[Kind]]] = {
    Kind.DATABASE_AWAY: frozenset({Kind.SPOOL_GROWING, Kind.ROLLUPS_BEHIND}),
    Kind.LOG_FOLDER_UNWRITABLE: frozenset({Kind.TELEMETRY_DROPPED, Kind.CLEANUP_MISSED}),
}
"""Kind -> kinds that it suppresses everywhere."""


class Problem(Protocol):
    """What decides whether one problem explains another: a finding or an incident."""

    @property
    def kind(self) -> str:
        """An ``IncidentKind``."""

    @property
    def sync_type(self) -> str | None:
        """The sync type that it affects, if it is exactly one."""

    @property
    def affects(self) -> Collection[str]:
        """All sync types that it affects."""

    @property
    def run_count(self) -> int:
        """Number of affected runs."""


def explains(cause: Problem, effect: Problem) -> bool:
    """Return whether a problem is why another one is not reported separately."""
    return cause.kind in _causes_of(effect.kind) and _suppresses(cause, effect)


def continues(new: Problem, old: Problem) -> bool:
    """Return whether a problem is of the same kind and includes all that another one affected.

    Syncs that stop together are one problem, under the name of one of them, which may change.
    """
    affected = _affected(old)
    return new.kind == old.kind and bool(affected) and affected <= _affected(new)


def one_of_each_cause(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """Return the findings that do not merely follow from others."""
    every = tuple(findings)
    by_kind: dict[Kind, list[Finding]] = {}
    for each in every:
        by_kind.setdefault(each.kind, []).append(each)
    return tuple(
        each
        for each in every
        if not any(
            _suppresses(other, each)
            for kind in _causes_of(each.kind)
            for other in by_kind.get(kind, ())
        )
    )


@cache
def _causes_of(effect: str) -> tuple[Kind, ...]:
    """Return the kinds that can suppress a kind."""
    return tuple(
        cause
        for table in (_OF_EXPORTER, _OF_SAME_SYNC)
        for cause, effects in table.items()
        if effect in effects
    )


def _suppresses(cause: Problem, effect: Problem) -> bool:
    if effect.kind in _OF_EXPORTER.get(Kind(cause.kind), ()):
        return True
    if _has_other_causes(effect, cause):
        return False
    affected = _affected(effect)
    # A finding tied to no sync type, such as a low quota, is attributed to the syncs' cause.
    return affected <= _affected(cause) if affected else True


def _has_other_causes(effect: Problem, cause: Problem) -> bool:
    """Return whether runs failed that the refused tokens of a few users do not explain."""
    is_few = cause.kind == Kind.TOKEN_REFUSED and effect.run_count > cause.run_count
    return is_few and effect.kind in _FAILED_RUNS


def _affected(problem: Problem) -> frozenset[str]:
    if problem.affects or problem.sync_type is None:
        return frozenset(problem.affects)
    return frozenset({problem.sync_type})
