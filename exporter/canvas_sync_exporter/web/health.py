"""Health: whether the exporter is working, check by check."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Literal

import msgspec
from sqlalchemy.exc import SQLAlchemyError

from canvas_sync_core.errors import StorageError
from canvas_sync_core.store.database import check_schema
from canvas_sync_core.store.rollups.writing import waiting
from canvas_sync_core.store.spool.delivery import waiting_bytes
from canvas_sync_core.wording import counted
from canvas_sync_exporter.formatting import format_size
from canvas_sync_exporter.logs.status import free_bytes
from canvas_sync_exporter.reasons import reason

from .context import WebContext
from .probe import Probe

__all__ = ["Check", "Health", "HealthChecks"]

Status = Literal["ok", "degraded", "unhealthy"]
_SEVERITY: tuple[Status, ...] = ("ok", "degraded", "unhealthy")
_LITTLE_DISK = 200 * 1024 * 1024
_LARGE_BACKLOG = 8 * 1024 * 1024
_DATABASE_SECONDS = 2.0
_HANGING_SECONDS = 90.0
"""Far longer than the time between two judgings and all waits for a database."""


class Check(msgspec.Struct, frozen=True):
    """One check of something that the exporter needs."""

    status: Status
    reason: str


class Health(msgspec.Struct, frozen=True, omit_defaults=True):
    """The exporter's status, which is the worst of its checks; these need read access."""

    status: Status
    checks: dict[str, Check] = {}


class HealthChecks:
    """Checks everything that the exporter needs, within a few seconds.

    Args:
        context: The rest of the exporter.
    """

    def __init__(self, context: WebContext) -> None:
        self._context = context
        self._database = Probe(lambda: _database(context), _DATABASE_SECONDS)

    def run(self) -> Health:
        """Run all checks."""
        app = self._context.configuration.app
        checks = {
            **self._database_checks(),
            "log_folder": _log_folder(app.log_dir),
            "metric_files": _metric_files(app.metrics_folder),
            "spool": _spool(app.spool_folder),
            "jobs": _jobs(self._context),
            "judge": _judge(self._context),
        }
        worst = max((check.status for check in checks.values()), key=_SEVERITY.index)
        return Health(worst, checks)

    def results(self) -> dict[str, bool]:
        """Run all checks, and return whether each is fine."""
        return {name: check.status == "ok" for name, check in self.run().checks.items()}

    def _database_checks(self) -> dict[str, Check]:
        try:
            return self._database.ask()
        except TimeoutError:
            late = Check("unhealthy", f"No answer within {_DATABASE_SECONDS:g} s.")
            return {"database": late, "rollups": late}


def _database(context: WebContext) -> dict[str, Check]:
    return {"database": _table(context), "rollups": _rollups(context)}


def _table(context: WebContext) -> Check:
    try:
        check_schema(context.engine)
    except (SQLAlchemyError, StorageError, OSError) as error:
        return Check("unhealthy", reason(error))
    return Check("ok", "The table can be read.")


def _log_folder(folder: Path) -> Check:
    if not folder.is_dir():
        return Check("degraded", f"{folder} does not exist; no sync has run here yet.")
    if not os.access(folder, os.W_OK | os.X_OK):
        return Check("degraded", f"{folder} cannot be written; logs cannot be cleaned up.")
    free = free_bytes(folder)
    if free < _LITTLE_DISK:
        return Check("degraded", f"Only {format_size(free)} of disk are free for {folder}.")
    return Check("ok", f"{format_size(free)} of disk are free.")


def _metric_files(folder: Path) -> Check:
    if not folder.is_dir():
        return Check("degraded", f"{folder} does not exist; no sync has run here yet.")
    if not os.access(folder, os.R_OK | os.W_OK | os.X_OK):
        return Check("degraded", f"{folder} cannot be read and written.")
    return Check("ok", "The folder can be read and written.")


def _spool(folder: Path) -> Check:
    size = waiting_bytes(folder)
    text = f"{format_size(size)} of rows wait for the database."
    if size > _LARGE_BACKLOG:
        return Check("degraded", text)
    return Check("ok", text if size else "No rows wait for the database.")


def _rollups(context: WebContext) -> Check:
    """Report the progress; responses are correct meanwhile, only slower."""
    try:
        left = waiting(context.engine)
    except (SQLAlchemyError, OSError) as error:
        return Check("unhealthy", reason(error))
    buckets, runs = counted(left.buckets, "15-minute bucket"), counted(left.runs, "run")
    return Check("ok", f"Not rolled up yet: {buckets} and {runs}.")


def _jobs(context: WebContext) -> Check:
    jobs = context.jobs
    if jobs is None:
        return Check("ok", "Jobs run in the exporter's own process.")
    if not jobs.running:
        return Check("unhealthy", "The scheduler has stopped; restart the exporter.")
    if jobs.failures:
        text = "; ".join(f"{name}: {why}" for name, why in sorted(jobs.failures.items()))
        return Check("degraded", text)
    return Check("ok", "Every job succeeded when it last ran.")


def _judge(context: WebContext) -> Check:
    if context.judge is None:
        return Check("ok", "The exporter's own process judges.")
    state = context.judge.state
    if state.seconds_running is not None and state.seconds_running > _HANGING_SECONDS:
        return Check("unhealthy", f"The judging has hung for {state.seconds_running:.0f} s.")
    if state.seconds_since > _HANGING_SECONDS:
        return Check("unhealthy", f"Nothing was judged for {state.seconds_since:.0f} s.")
    if state.failure:
        return Check("degraded", f"Cannot judge: {state.failure}")
    found = ", ".join(sorted(f"{each.kind} ({each.subject})" for each in state.incidents))
    incidents = f"Open incidents: {found or 'none'}."
    if state.storage_failure:
        why = state.storage_failure.rstrip(".")
        return Check("degraded", f"Incidents cannot be stored: {why}. {incidents}")
    return Check("ok", incidents)
