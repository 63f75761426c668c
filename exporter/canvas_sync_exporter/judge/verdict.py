"""The verdict: the findings of all conditions, one for each cause."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from functools import partial
from typing import Final

from canvas_sync_core.names import IncidentKind as Kind

from .conditions import CONDITIONS, Condition
from .conditions.monitoring import is_severe_skew
from .facts import Facts
from .finding import Verdict
from .lapses import find_lapse
from .precedence import one_of_each_cause

__all__ = ["judge"]

_WITHOUT_DATABASE: Final = frozenset(
    {
        Kind.TOKEN_EXPIRING,
        Kind.QUOTA_LOW,
        Kind.DATABASE_AWAY,
        Kind.SPOOL_GROWING,
        Kind.DISK_FILLING,
        Kind.CLEANUP_MISSED,
        Kind.CLOCK_WRONG,
    }
)
"""Kinds that need only the metric files, the folders and memory."""
_TIMED: Final = frozenset(
    {
        Kind.MISSED,
        Kind.OVERDUE,
        Kind.STUCK,
        Kind.OVERLAPPING,
        Kind.STALE_ITEMS,
        Kind.TOKEN_EXPIRING,
        Kind.CLEANUP_MISSED,
        Kind.EXPORTER_SILENT,
    }
)
"""Kinds that a wrong clock can fake or hide."""
_ABSENCES: Final = frozenset({Kind.MISSED, Kind.OVERDUE, Kind.STUCK, Kind.STALE_ITEMS})
"""Kinds that are found because a row is not there, or not there yet."""
_ALL: Final = frozenset(Kind)
_SETTLING: Final = timedelta(minutes=2)
"""How long rows may take to come in that waited on disk, of this host or another."""


def judge(facts: Facts, conditions: Mapping[Kind, Condition] = CONDITIONS) -> Verdict:
    """Judge everything known at one time."""
    judged = frozenset(conditions) & _judgeable(facts)
    findings = [each for kind in conditions if kind in judged for each in conditions[kind](facts)]
    return Verdict(facts.now, one_of_each_cause(findings), judged, partial(find_lapse, facts))


def _judgeable(facts: Facts) -> frozenset[Kind]:
    """Return the kinds that can be judged now."""
    kinds = _ALL
    if not facts.database.is_reachable:
        kinds &= _WITHOUT_DATABASE
    elif facts.now - facts.database.since < _SETTLING:
        kinds &= _WITHOUT_DATABASE if _was_away(facts) else kinds - _ABSENCES
    return kinds - _TIMED if is_severe_skew(facts) else kinds


def _was_away(facts: Facts) -> bool:
    """Return whether the database has been away: while the exporter watched, or just before."""
    is_spooled = bool(facts.spool and facts.spool[-1].value)
    return is_spooled or facts.database.since > facts.started
