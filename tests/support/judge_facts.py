"""Facts made by hand."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from canvas_sync_core.names import RunStatus
from canvas_sync_exporter.judge.expectation import Expectation, ExpectationSource
from canvas_sync_exporter.judge.facts import DatabaseFacts, EndedRun, Facts, SyncFacts
from canvas_sync_exporter.schedules.cron import CronSchedule

__all__ = ["NOW", "ended", "facts_of", "failed", "nightly", "nights", "sync_of"]

NOW = datetime(2026, 11, 25, 3, 0, tzinfo=UTC)
STARTED = NOW - timedelta(days=60)


def ended(night: int = 0, **changes: Any) -> EndedRun:
    """The run of the nightly sync so many nights ago, unremarkable but for ``changes``."""
    start = changes.pop("start", NOW - timedelta(days=night, minutes=59))
    run = EndedRun(
        id=f"full-{start:%m%d-%H%M}-{changes.get('user_id', '')}",
        sync_type="full",
        status=RunStatus.SUCCESS,
        start=start,
        end=start,
        duration=600.0,
        canvas_host="canvas.example.edu",
        items=100,
        api_calls=36,
        api_seconds=9.0,
        db_operations=50,
        db_seconds=0.5,
    )
    run = replace(run, **changes)
    return replace(run, end=start + timedelta(seconds=run.duration))


def failed(night: int = 0, **changes: Any) -> EndedRun:
    """The run of a night that failed."""
    error = {"error_type": "KeyError", "error_message": "'term'"}
    return ended(night, **{"status": RunStatus.FAILED, **error, **changes})


def nights(count: int, first: int = 1) -> list[EndedRun]:
    """Good nights, newest first."""
    return [ended(night) for night in range(first, first + count)]


def nightly(**changes: Any) -> Expectation:
    """A run is due every night at 02:00 UTC."""
    promise = Expectation(
        "full", CronSchedule("0 2 * * *", UTC), timedelta(minutes=45), ExpectationSource.FILE
    )
    return replace(promise, **changes)


def sync_of(*runs: EndedRun, now: datetime = NOW, **changes: Any) -> SyncFacts:
    """A nightly sync with some ended runs, newest first."""
    expectation = changes.pop("expectation", nightly())
    schedule = expectation.schedule if expectation else None
    known = {
        "sync_type": "full",
        "expectation": expectation,
        "due": schedule.due_between(now - timedelta(days=30), now) if schedule else (),
        "next_due": schedule.next_due(now) if schedule else None,
        "runs": runs,
        "known_since": STARTED,
    }
    return SyncFacts(**{**known, **changes})


def facts_of(*syncs: SyncFacts, now: datetime = NOW, **changes: Any) -> Facts:
    """Facts of some sync types and of an exporter that is well."""
    known: dict[str, Any] = {
        "now": now,
        "started": STARTED,
        "database": DatabaseFacts(is_reachable=True, since=STARTED),
        "syncs": {sync.sync_type: sync for sync in syncs},
    }
    return Facts(**{**known, **changes})
