"""The cleanup archives what was rotated out of the logs, and deletes old archives.

For each log it takes three steps:

1. Stage: move the backups, and the older lines of a large live log, into a staging folder that is
   named after the archive to be (:mod:`.staging`).
2. Archive: write the staged files into the archive, sync it (:mod:`.archive_writing`), and read it
   back (:mod:`.read_back`).
3. Remove the staging folder.

While an archive is read back, its lines are summed up for its sidecar (:mod:`.sidecars`). At the
end, older archives without a sidecar get one.

So a line leaves the logs only when it is safe in an archive, and it is never in two places, even
while other processes write, and wherever the cleanup is killed. A killed cleanup leaves its staging
folder behind; the next cleanup starts with steps 2 and 3 for that folder.
"""

from __future__ import annotations

import datetime as dt
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from canvas_sync_core.errors import CanvasSyncMonitorError
from canvas_sync_core.files.log_names import live_name
from canvas_sync_core.logs.control import ControlPage
from canvas_sync_core.logs.rotation import control_path, log_files
from canvas_sync_core.names import Log

from .archive import Archive, Member, archive_name, archives
from .archive_writing import write_archive
from .cleanup_plan import plan_cleanup
from .cleanup_report import CleanupReport, LogCleanup, save_report, saved_report
from .due import DueTimeFile, backups_run_low
from .irregular_files import irregular_files
from .retention_settings import RetentionSettings, make_retention_settings, old_archives
from .sidecars import ArchiveSummary, complete_sidecars, sidecar_path, write_sidecar
from .sources import require_log_folder
from .staging import (
    recover,
    remove_staging_folder,
    stage_log,
    staged_members,
    staging_folders,
)
from .status import LogStatus, free_bytes, log_status

__all__ = [
    "CleanupReport",
    "CleanupRunning",
    "CleanupStatus",
    "LogCleanup",
    "RetentionSettings",
    "cleanup_canvas_sync_logs",
    "cleanup_when_due",
    "delete_old_archives",
    "get_cleanup_status",
]

_LOCK: Final = "cleanup.lock"
_AFTER_FAILURE: Final = dt.timedelta(hours=1)
_SIDECAR_SECONDS: Final = 60.0  # the rest follows at the next cleanup
_LOCK_SECONDS: Final = 0.2  # longer than a check whether a cleanup is running


OnProgress = Callable[[int, int], None]


class CleanupRunning(CanvasSyncMonitorError):  # noqa: N818 - says what is, as FileExistsError does
    """Another cleanup of the same logs is running."""


@dataclass(frozen=True, slots=True)
class CleanupStatus:
    """The state of the logs.

    Attributes:
        logs: Each log.
        free_bytes: Free space on the disk of the logs.
        running: Whether a cleanup is running.
        last: The last completed cleanup; None if there was none.
    """

    logs: list[LogStatus]
    free_bytes: int
    running: bool
    last: CleanupReport | None


def cleanup_canvas_sync_logs(
    settings: RetentionSettings | None = None,
    *,
    now: dt.datetime | None = None,
    on_progress: OnProgress | None = None,
) -> CleanupReport:
    """Archive what was rotated out and the older part of large live logs; delete old archives.

    Args:
        settings: What to keep; by default from the environment.
        now: The time, with a time zone; by default the current time.
        on_progress: Called from time to time with the bytes archived so far and the total.

    Returns:
        What was done, and what failed, such as on a full disk. Even then, nothing is removed that
        is not archived.

    Raises:
        CleanupRunning: Another cleanup is running, in this process or another.
        LogFolderError: The folder of the logs is missing or cannot be read.
        OSError: The control folder cannot be used.
    """
    settings = settings or make_retention_settings()
    require_log_folder(settings.log_dir)
    with _exclusive(settings):
        return _clean_up(settings, now or dt.datetime.now(dt.UTC), on_progress)


def cleanup_when_due(
    settings: RetentionSettings, *, due: dt.datetime, now: dt.datetime
) -> CleanupReport | None:
    """Clean up, unless this or another process has completed the cleanup that was due.

    A file in the control folder stores the last completed due time. So only one of several
    processes cleans up, and a process that starts late makes up for a missed cleanup. If the file
    does not exist yet, nothing can have been missed: it is created, and the first cleanup takes
    place at the next due time. A log folder that does not exist yet needs no cleanup.

    A log that has used up half of its backups is cleaned up at once, because rotation would soon
    delete lines that are in no archive; after a cleanup that failed, it waits for an hour.

    Args:
        settings: What to keep.
        due: When a cleanup was last due.
        now: The time, with a time zone.

    Returns:
        What was done; None if nothing was left to do.

    Raises:
        CleanupRunning: Another cleanup is running, in this process or another; try again later.
        OSError: The control folder cannot be used.
    """
    completed = DueTimeFile(settings.control_dir)
    if completed.covers(due) and not _is_urgent(settings, now):
        return None
    with _exclusive(settings):
        # Both may have changed while this process waited for the lock.
        is_completed, is_urgent = completed.covers(due), _is_urgent(settings, now)
        if is_completed and not is_urgent:
            return None
        is_first = completed.read() is None
        report = None if is_first and not is_urgent else _clean_up(settings, now)
        if not is_completed:
            completed.write(due)  # last, so that a cleanup that is killed is due again
    return report


def _is_urgent(settings: RetentionSettings, now: dt.datetime) -> bool:
    if not backups_run_low(settings.log_dir):
        return False
    last = saved_report(settings.control_dir)
    return last is None or not last.errors or now - last.time > _AFTER_FAILURE


def get_cleanup_status(settings: RetentionSettings | None = None) -> CleanupStatus:
    """Return the state of the logs and the result of the last cleanup, without waiting for one.

    Args:
        settings: Where the logs are; by default from the environment.
    """
    settings = settings or make_retention_settings()
    return CleanupStatus(
        logs=log_status(settings.log_dir, settings.archive_dir),
        free_bytes=free_bytes(settings.log_dir),
        running=_is_running(settings),
        last=saved_report(settings.control_dir),
    )


def delete_old_archives(
    settings: RetentionSettings | None = None, *, now: dt.datetime | None = None
) -> tuple[list[Archive], list[str]]:
    """Delete the archives older than ``settings.archive_days``.

    Args:
        settings: What to keep; by default from the environment.
        now: The time, with a time zone; by default the current time.

    Returns:
        The deleted archives, and why others could not be deleted.
    """
    settings = settings or make_retention_settings()
    deleted: list[Archive] = []
    errors: list[str] = []
    try:
        old = old_archives(settings, now or dt.datetime.now(dt.UTC))
    except OSError as error:
        return deleted, [f"the archives cannot be listed: {error}"]
    for archive in old:
        try:
            archive.path.unlink()
            sidecar_path(archive.path).unlink(missing_ok=True)
        except OSError as error:
            errors.append(f"{archive.path.name} could not be deleted: {error}")
        else:
            deleted.append(archive)
    return deleted, errors


def _clean_up(
    settings: RetentionSettings, now: dt.datetime, on_progress: OnProgress | None = None
) -> CleanupReport:
    start = time.monotonic()
    progress = _Progress(settings, now, on_progress)
    deleted, errors = delete_old_archives(settings, now=now)  # first, because it frees space
    logs = [_clean_log(settings, log, now, progress.add) for log in Log]
    sidecar_problems = complete_sidecars(
        settings.archive_dir, settings.zone, seconds=_SIDECAR_SECONDS
    )
    report = CleanupReport(
        time=now,
        duration_seconds=time.monotonic() - start,
        logs=logs,
        archives_deleted=[archive.path.name for archive in deleted],
        reclaimed_bytes=sum(log.bytes - log.archive_bytes for log in logs)
        + sum(archive.size for archive in deleted),
        errors=[f"{log.log}: {log.error}" for log in logs if log.error] + errors,
    )
    report.problems.extend(sidecar_problems)
    with suppress(OSError):  # a folder that cannot be read is an error of its logs
        report.problems.extend(irregular_files(settings.log_dir, settings.archive_dir))
    try:
        save_report(settings.control_dir, report)
    except OSError as error:
        report.errors.append(f"the report could not be saved: {error}")
    return report


class _Progress:
    """Adds up the bytes that are archived, and passes the sum on."""

    def __init__(
        self, settings: RetentionSettings, now: dt.datetime, on_progress: OnProgress | None
    ) -> None:
        self._done = self._total = 0
        self._on_progress = on_progress
        if on_progress is not None:
            with suppress(OSError):  # the cleanup itself reports what cannot be read
                files = plan_cleanup(settings, now=now).files.values()
                self._total = sum(file.bytes for of_log in files for file in of_log)

    def add(self, size: int) -> None:
        """Add bytes, and pass the sum on."""
        self._done += size
        if self._on_progress is not None:
            self._on_progress(self._done, max(self._done, self._total))


def _clean_log(
    settings: RetentionSettings, log: Log, now: dt.datetime, on_archived: Callable[[int], None]
) -> LogCleanup:
    """Archive what one log has rotated out and the older part of its live log."""
    done = _Archived()
    failure = None
    try:
        _archive_log(settings, log, now, done, on_archived)
    except OSError as error:
        failure = str(error)
    return LogCleanup(
        log=log.value,
        archives=[archive.name for archive in done.archives],
        files=len(done.members),
        bytes=sum(member.length for member in done.members),
        archive_bytes=sum(archive.stat().st_size for archive in done.archives),
        error=failure,
    )


@dataclass(slots=True)
class _Archived:
    """What a cleanup has archived of a log so far; it stays in the report after an error."""

    archives: list[Path] = field(default_factory=list)
    members: list[Member] = field(default_factory=list)


def _archive_log(
    settings: RetentionSettings,
    log: Log,
    now: dt.datetime,
    done: _Archived,
    on_archived: Callable[[int], None],
) -> None:
    """Archive what earlier cleanups left staged, then stage and archive what was rotated since.

    Raises:
        OSError: The disk is full, a folder cannot be written, ...
    """
    live = settings.log_dir / live_name(log)
    page = ControlPage(control_path(settings.control_dir, live))
    # In this order, because an archive folder that cannot be written fails here, before anything
    # new is staged. Otherwise each night would stage more, beyond the limits of the log.
    for folder in staging_folders(settings.log_dir, log):
        recover(folder, live, page)
        _archive_folder(settings, log, folder, done, on_archived)
    if not _needs_archiving(settings, live):
        return
    stage_log(
        live,
        _free_name(settings, log, now),
        page,
        keep_lines=settings.keep_lines,
        max_live_bytes=settings.max_live_bytes,
    )
    for folder in staging_folders(settings.log_dir, log):
        _archive_folder(settings, log, folder, done, on_archived)


def _archive_folder(
    settings: RetentionSettings,
    log: Log,
    folder: Path,
    done: _Archived,
    on_archived: Callable[[int], None],
) -> None:
    """Archive the files of a staging folder, then remove the folder."""
    members = staged_members(folder)
    if members:
        summary = ArchiveSummary(log, settings.zone)
        archive = write_archive(
            settings.archive_dir, folder.name, members, on_archived, summary.add
        )
        done.archives.append(archive)
        done.members += members
        if not summary.is_empty:
            with suppress(OSError):  # it is written, or that is reported, at the end of the cleanup
                write_sidecar(archive, summary)
    remove_staging_folder(folder)  # last, so that the next cleanup makes up for a kill before it


def _needs_archiving(settings: RetentionSettings, live: Path) -> bool:
    if not settings.log_dir.is_dir():
        return False
    files = log_files(live)
    return files not in ([], [live]) or (
        files == [live] and live.stat().st_size > settings.max_live_bytes
    )


def _free_name(settings: RetentionSettings, log: Log, now: dt.datetime) -> str:
    """Name the archive after the time, or a second later while that name is taken."""
    taken = {archive.time for archive in archives(settings.archive_dir) if archive.log is log}
    moment = now.replace(microsecond=0)
    while moment in taken:
        moment += dt.timedelta(seconds=1)
    return archive_name(log, moment)


@contextmanager
def _exclusive(settings: RetentionSettings) -> Iterator[None]:
    with ControlPage(settings.control_dir / _LOCK).locked(_LOCK_SECONDS) as held:
        if not held:
            raise CleanupRunning(
                f"A cleanup of the logs in {settings.log_dir} is running. Try again later."
            )
        yield


def _is_running(settings: RetentionSettings) -> bool:
    lock = settings.control_dir / _LOCK
    if not lock.exists():
        return False
    with ControlPage(lock).locked(0) as held:
        return not held
