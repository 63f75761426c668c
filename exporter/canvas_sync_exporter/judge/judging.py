"""The verdict: what every condition finds in the facts, one finding for each cause."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Final

from canvas_sync_core.names import IncidentKind as Kind

from .conditions import CONDITIONS, Condition
from .conditions.ourselves import is_severe_skew
from .facts import Facts
from .finding import Verdict
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
"""Kinds that are judged from the metric files, the folders and memory alone."""
_TIMED: Final = frozenset(
    {
        Kind.MISSED,
        Kind.OVERDUE,
        Kind.STUCK,
        Kind.OVERLAPPING,
        Kind.STALE_ITEMS,
        Kind.TOKEN_EXPIRING,
        Kind.CLEANUP_MISSED,
    }
)
"""Kinds that a wrong clock makes up or hides."""
_SETTLING: Final = timedelta(minutes=2)
"""After an outage the rows that waited on disk have to come in."""


def judge(facts: Facts, conditions: Mapping[Kind, Condition] = CONDITIONS) -> Verdict:
    """Judge all that is known at one time."""
    judged = frozenset(conditions) & _judgeable(facts)
    findings = [each for kind in conditions if kind in judged for each in conditions[kind](facts)]
    return Verdict(facts.now, one_of_each_cause(findings), judged)


def _judgeable(facts: Facts) -> frozenset[Kind]:
    """Return the kinds of which something is known now."""
    kinds = frozenset(Kind)
    database = facts.database
    if not database.is_reachable or facts.now - database.since < _SETTLING:
        kinds &= _WITHOUT_DATABASE
    return kinds - _TIMED if is_severe_skew(facts) else kinds
