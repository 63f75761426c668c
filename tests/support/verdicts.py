"""What a judge finds in given facts."""

from __future__ import annotations

from datetime import timedelta

from canvas_sync_core.names import IncidentKind
from canvas_sync_exporter.judge.facts import Facts
from canvas_sync_exporter.judge.finding import Finding
from canvas_sync_exporter.judge.verdict import judge

from .judge_facts import facts_of, nights, sync_of

__all__ = ["DAY", "MINUTE", "kinds", "only", "well"]

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
