"""What the exporter looks after: its own health, logs, archives, the cleanup, and the roll-up."""

from __future__ import annotations

import datetime as dt
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from canvas_sync_core.names import DISTRIBUTION, Log
from canvas_sync_core.threads import start_daemon
from canvas_sync_core.version import VERSION
from canvas_sync_exporter.jobs.log_cleanup import clean_logs, next_cleanup
from canvas_sync_exporter.logs.archive import Archive, archives
from canvas_sync_exporter.logs.cleanup import CleanupRunning
from canvas_sync_exporter.logs.due import DueTimeFile
from canvas_sync_exporter.logs.on_disk import files_on_disk
from canvas_sync_exporter.logs.status import free_bytes
from canvas_sync_exporter.reasons import reason
from canvas_sync_exporter.settings import Configuration
from canvas_sync_exporter.ui.page import Action, Page, Sent
from canvas_sync_exporter.ui.view import View
from canvas_sync_exporter.web.context import WebContext
from canvas_sync_exporter.web.health import Health, HealthChecks
from canvas_sync_exporter.web.problems import ProblemError

__all__ = ["PAGE", "Upkeep"]

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class LogFiles:
    """The files of one log.

    Attributes:
        live_bytes: Size of the live file.
        backups: Number of rotated files that are not archived yet.
        backup_bytes: Their size.
        archives: Number of archives.
        archive_bytes: Their size.
        oldest: Time of the oldest archive; None without one.
    """

    log: str
    live_bytes: int
    backups: int
    backup_bytes: int
    archives: int
    archive_bytes: int
    oldest: dt.datetime | None


@dataclass(frozen=True, slots=True)
class Upkeep:
    """Everything on the page.

    Attributes:
        health: The checks of ``/api/canvas/metrics/health``.
        logs: The files of each log.
        free_bytes: Free space on the disk of the logs.
        last_cleanup: The due time of the last completed nightly cleanup; None if there was none.
        next_cleanup: When the next one is due.
        archive_days: Days after which archives are deleted.
        run_days: Days after which runs are deleted from the table; None if never.
        version: The version of this exporter.
    """

    health: Health
    logs: list[LogFiles]
    free_bytes: int
    last_cleanup: dt.datetime | None
    next_cleanup: dt.datetime
    archive_days: int
    run_days: int | None
    version: str


def upkeep(context: WebContext, _view: View) -> Upkeep:
    """Read everything on the page, without reading any log."""
    config = context.configuration
    return Upkeep(
        health=HealthChecks(context).run(),
        logs=_logs(config),
        free_bytes=free_bytes(config.app.log_dir),
        last_cleanup=DueTimeFile(config.app.control_folder).read(),
        next_cleanup=next_cleanup(config),
        archive_days=config.exporter.archive_days,
        run_days=config.exporter.run_days,
        version=f"{DISTRIBUTION} {VERSION}",
    )


def clean_up(context: WebContext, _view: View, _sent: Sent) -> None:
    """Start a cleanup in the background: with many logs it takes longer than a request may."""
    if start_daemon(lambda: _clean_up(context.configuration), "cleanup from the page") is None:
        raise ProblemError(503, "No thread can be started now. Try again later.")


def _clean_up(config: Configuration) -> None:
    try:
        clean_logs(config)
    except CleanupRunning as error:
        _log.info("The cleanup that the page asked for is not needed: %s", error)
    except Exception as error:  # noqa: BLE001 - there is nobody to raise it to
        _log.error("The cleanup that the page asked for failed: %s", reason(error))


def _logs(config: Configuration) -> list[LogFiles]:
    by_log: dict[Log, list[Archive]] = {log: [] for log in Log}
    for archive in archives(config.archive_folder):
        by_log[archive.log].append(archive)
    return [_log_files(config, log, by_log[log]) for log in Log]


def _log_files(config: Configuration, log: Log, archived: Sequence[Archive]) -> LogFiles:
    files = files_on_disk(config.app.log_dir, log)
    backups = [file.bytes for file in files if not file.is_live]
    return LogFiles(
        log=log.value,
        live_bytes=sum(file.bytes for file in files if file.is_live),
        backups=len(backups),
        backup_bytes=sum(backups),
        archives=len(archived),
        archive_bytes=sum(archive.size for archive in archived),
        oldest=min((archive.time for archive in archived), default=None),
    )


PAGE: Final = Page(
    "upkeep",
    "upkeep",
    "Upkeep",
    "ui/upkeep.html",
    upkeep,
    period=None,
    is_of_one_host=True,
    shows_logs=True,
    actions=(
        Action(
            "clean_up",
            "upkeep/cleanup",
            clean_up,
            "The cleanup has started. Its result will be a line of operations.log.",
        ),
    ),
)
