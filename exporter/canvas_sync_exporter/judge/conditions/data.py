"""The synced data: items that are too old."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Final

from canvas_sync_core.names import IncidentKind, RunStatus, Severity
from canvas_sync_exporter.judge.facts import Facts, SyncFacts
from canvas_sync_exporter.judge.finding import Finding
from canvas_sync_exporter.judge.timing import pause_end
from canvas_sync_exporter.schedules.durations import format_duration

__all__ = ["stale_items"]

_MOST_NAMED: Final = 6
"""Kinds of items that a summary names at most."""
_WELL: Final = frozenset({RunStatus.SUCCESS, RunStatus.PARTIAL})


def stale_items(facts: Facts) -> Iterable[Finding]:
    """Find sync types whose newest items of some kind are older than allowed."""
    for sync in facts.syncs.values():
        promises = sync.expectation.max_age if sync.expectation else {}
        paused = pause_end(facts, sync)
        ages = {}
        for item, promised in promises.items():
            newest = sync.newest_items.get(item) or sync.known_since
            # The age does not increase during a pause.
            begin = max(filter(None, (newest, paused)), default=None)
            if begin is None or not _has_run_well_since(sync, begin):
                continue  # failing runs are another incident
            if facts.now - begin > promised:
                ages[item] = facts.now - begin
        if not ages:
            continue
        oldest = max(ages.values())
        names = ", ".join(f"{item}s" for item in sorted(ages)[:_MOST_NAMED])
        yield Finding(
            kind=IncidentKind.STALE_ITEMS,
            subject=sync.sync_type,
            severity=Severity.WARNING,
            since=facts.now - oldest,
            summary=f"{sync.sync_type} has brought in no {names} for {format_duration(oldest)}.",
            cause="Its runs succeed, but bring in no such items.",
            sync_type=sync.sync_type,
            affects=frozenset({sync.sync_type}),
        )


def _has_run_well_since(sync: SyncFacts, time: datetime) -> bool:
    newest = next(iter(sync.runs), None)
    return newest is not None and newest.status in _WELL and newest.start > time
