"""The monitoring itself: what it needs to see and to say anything."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from typing import Final

from canvas_sync_core.names import IncidentKind, Severity
from canvas_sync_core.store.spool import SPOOL_LIMIT
from canvas_sync_exporter.judge.facts import Facts, Sample
from canvas_sync_exporter.judge.finding import Finding
from canvas_sync_exporter.judge.runs import EndedRun
from canvas_sync_exporter.judge.timing import counted_rounds
from canvas_sync_exporter.schedules.durations import format_duration

__all__ = [
    "EXPORTER",
    "cleanup_missed",
    "clock_wrong",
    "database_away",
    "log_folder_unwritable",
    "rollups_behind",
    "spool_growing",
    "telemetry_dropped",
]

EXPORTER: Final = "exporter"
_DATABASE: Final = "database"
_AWAY_FOR: Final = timedelta(minutes=1)
"""A restart takes less."""
_FOLDER_FOR: Final = timedelta(minutes=1)
_SPOOL_WINDOW: Final = timedelta(minutes=10)
_SPOOL_BYTES: Final = 64 * 1024
_SPOOL_HALF: Final = SPOOL_LIMIT / 2
_BACKLOG_WINDOW: Final = timedelta(minutes=30)
_BACKLOG_RUNS: Final = 2_000
_SHRINKS: Final = 0.9
_DROPS_FOR: Final = timedelta(hours=26)
_CLEANUP_PATIENCE: Final = timedelta(hours=2)
_SKEW_SECONDS: Final = 60.0
_SEVERE_SKEW_SECONDS: Final = 600.0


def database_away(facts: Facts) -> Iterable[Finding]:
    """Find that the database of the runs does not answer."""
    database = facts.database
    if not database.is_reachable and facts.now - database.since >= _AWAY_FOR:
        yield Finding(
            kind=IncidentKind.DATABASE_AWAY,
            subject=_DATABASE,
            severity=Severity.CRITICAL,
            since=database.since,
            summary="The database of the runs does not answer. Runs wait on disk meanwhile.",
            cause=database.reason,
        )


def spool_growing(facts: Facts) -> Iterable[Finding]:
    """Find that rows wait for the database, and do not get fewer."""
    window = _window(facts.spool, facts.now - _SPOOL_WINDOW)
    if window is None or min(each.value for each in window) < _SPOOL_BYTES:
        return
    waiting = window[-1].value
    if waiting < window[0].value:
        return
    yield Finding(
        kind=IncidentKind.SPOOL_GROWING,
        subject="spool",
        severity=Severity.CRITICAL if waiting >= _SPOOL_HALF else Severity.WARNING,
        since=window[0].time,
        summary=f"{waiting / 1024:,.0f} KiB of rows wait for the database, and do not get fewer.",
        cause="The exporter reaches the database, the syncs do not, or it refuses their rows.",
    )


def log_folder_unwritable(facts: Facts) -> Iterable[Finding]:
    """Find that logs or metrics cannot be written, as the exporter or a sync sees it."""
    runs = list(_runs_with_fault(facts))
    problem, since = _folder_problem(facts)
    if not runs and not problem:
        return
    yield Finding(
        kind=IncidentKind.LOG_FOLDER_UNWRITABLE,
        subject="log folder",
        severity=Severity.WARNING,
        since=min([*(run.start for run in runs), *([since] if since else [])]),
        summary="Logs or metrics of the syncs cannot be written.",
        cause=problem or next(run.telemetry_fault or "" for run in runs),
        runs=tuple(run.id for run in runs[:20]),
        run_count=len(runs),
        affects=frozenset(run.sync_type for run in runs),
    )


def telemetry_dropped(facts: Facts) -> Iterable[Finding]:
    """Find that telemetry is lost, until a later run ends without a loss."""
    ended = _newest_run(facts)
    for drop in facts.dropped:
        is_over = ended is not None and ended.start > drop.last
        if is_over or facts.now - drop.last > _DROPS_FOR:
            continue
        yield Finding(
            kind=IncidentKind.TELEMETRY_DROPPED,
            subject=drop.sink,
            severity=Severity.WARNING,
            since=drop.since,
            summary=f"{drop.count:,} records of {drop.sink} were lost.",
            cause=f"{drop.reason.replace('_', ' ')}. The syncs themselves are not affected.",
            counts={drop.reason: drop.count},
        )


def rollups_behind(facts: Facts) -> Iterable[Finding]:
    """Find that runs wait to be rolled up, and do not get fewer."""
    window = _window(facts.rollup_backlog, facts.now - _BACKLOG_WINDOW)
    if window is None or min(each.value for each in window) < _BACKLOG_RUNS:
        return
    waiting = window[-1].value
    if waiting <= window[0].value * _SHRINKS:
        return
    yield Finding(
        kind=IncidentKind.ROLLUPS_BEHIND,
        subject=EXPORTER,
        severity=Severity.WARNING,
        since=window[0].time,
        summary=f"{waiting:,.0f} runs wait to be rolled up, and do not get fewer.",
        cause="The exporter may not write the rollups, or is too slow for so many runs.",
    )


def cleanup_missed(facts: Facts) -> Iterable[Finding]:
    """Find that the nightly cleanup of the logs has not been done."""
    cleanup = facts.cleanup
    if cleanup is None:
        return
    due = max(cleanup.due, facts.started)
    is_done = cleanup.last_success is not None and cleanup.last_success >= cleanup.due
    if is_done or facts.now - due < _CLEANUP_PATIENCE:
        return
    last = cleanup.last_success
    known = f"It last succeeded on {last:%Y-%m-%d %H:%M} UTC." if last else "It never succeeded."
    yield Finding(
        kind=IncidentKind.CLEANUP_MISSED,
        subject=EXPORTER,
        severity=Severity.WARNING,
        since=due,
        summary="The nightly cleanup of the logs has not been done.",
        cause=cleanup.failure or known,
    )


def clock_wrong(facts: Facts) -> Iterable[Finding]:
    """Find that our clock and Canvas's differ by more than a minute."""
    clock = facts.clock
    if clock is None or abs(clock.skew) < _SKEW_SECONDS:
        return
    off = format_duration(timedelta(seconds=round(abs(clock.skew))))
    side = "ahead of" if clock.skew > 0 else "behind"
    yield Finding(
        kind=IncidentKind.CLOCK_WRONG,
        subject="clock",
        severity=Severity.CRITICAL if is_severe_skew(facts) else Severity.WARNING,
        since=clock.measured,
        summary=f"The clock is {off} {side} Canvas's.",
        cause="The clock of this machine is wrong; times of runs are wrong with it.",
    )


def is_severe_skew(facts: Facts) -> bool:
    """Return whether the clock is so wrong that nothing that depends on time can be judged."""
    return facts.clock is not None and abs(facts.clock.skew) >= _SEVERE_SKEW_SECONDS


def _folder_problem(facts: Facts) -> tuple[str, datetime | None]:
    """Return what the exporter sees wrong with the log folder for a while, and since when."""
    folder = facts.log_folder
    if folder is None or folder.since is None or facts.now - folder.since < _FOLDER_FOR:
        return "", None
    return folder.problem, folder.since if folder.problem else None


def _runs_with_fault(facts: Facts) -> Iterator[EndedRun]:
    for sync in facts.syncs.values():
        for each in counted_rounds(facts, sync)[:1]:
            yield from (run for run in each.notable.values() if run.telemetry_fault)


def _newest_run(facts: Facts) -> EndedRun | None:
    newest = (sync.runs[0] for sync in facts.syncs.values() if sync.runs)
    return max(newest, key=lambda run: run.start, default=None)


def _window(samples: Sequence[Sample], since: datetime) -> Sequence[Sample] | None:
    """Return the samples since a time; None when there are none from before it."""
    if not samples or samples[0].time > since:
        return None
    return [each for each in samples if each.time >= since] or None
