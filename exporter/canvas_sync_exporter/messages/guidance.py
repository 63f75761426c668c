"""What to do about each kind of incident, and where to read on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from canvas_sync_core.names import IncidentKind as Kind
from canvas_sync_exporter.dashboards import Dashboard

__all__ = ["GUIDANCE", "Guidance"]


@dataclass(frozen=True, slots=True)
class Guidance:
    """How to deal with a kind of incident.

    Attributes:
        advice: What to do first, in one or two sentences.
        runbook: The name of its runbook, which is that of its alert.
        dashboard: The uid of the dashboard that shows it.
    """

    advice: str
    runbook: str
    dashboard: str


GUIDANCE: Final[Mapping[Kind, Guidance]] = {
    Kind.MISSED: Guidance(
        "Check the scheduler or cron job, and start a run by hand. If no run is expected for a "
        "while, set a pause.",
        "CanvasSyncMissed",
        Dashboard.OVERVIEW,
    ),
    Kind.OVERDUE: Guidance(
        "Find out why its runs do not succeed, then start one by hand.",
        "CanvasSyncStale",
        Dashboard.OVERVIEW,
    ),
    Kind.FAILING: Guidance(
        "Fix the cause, then run the sync again.", "CanvasSyncFailing", Dashboard.RUNS
    ),
    Kind.INTERRUPTED: Guidance(
        "Find out what ended the process: the out-of-memory killer, a time limit or a reboot. "
        "Then run the sync again.",
        "CanvasSyncFailing",
        Dashboard.RUNS,
    ),
    Kind.PARTIAL: Guidance(
        "Check which items were left out and why. If that is expected, acknowledge the incident.",
        "CanvasSyncPartial",
        Dashboard.RUNS,
    ),
    Kind.STUCK: Guidance(
        "Check whether the run still makes progress. If it does not, end its process.",
        "CanvasSyncStuck",
        Dashboard.RUNS,
    ),
    Kind.OVERLAPPING: Guidance(
        "Run the sync less often, or keep it from starting while another run is in progress.",
        "CanvasSyncOverlapping",
        Dashboard.RUNS,
    ),
    Kind.SLOW: Guidance(
        "Compare the time spent on Canvas, on the database and on waiting with earlier runs.",
        "CanvasSyncSlow",
        Dashboard.OVERVIEW,
    ),
    Kind.SUSPECT: Guidance(
        "Check whether data is missing: a lost role of the token's user, a filter that no longer "
        "matches, or a list that was not read to its end.",
        "CanvasSyncSuspiciouslyEmpty",
        Dashboard.RUNS,
    ),
    Kind.TOKEN_REFUSED: Guidance(
        "Create a new token in Canvas and put it where the sync reads it.",
        "CanvasTokenInvalid",
        Dashboard.API,
    ),
    Kind.TOKEN_EXPIRING: Guidance(
        "Create a new token in Canvas, put it where the sync reads it, and enter its expiry date "
        "in the settings.",
        "CanvasTokenExpiring",
        Dashboard.API,
    ),
    Kind.QUOTA_LOW: Guidance(
        "Send fewer requests at the same time, and use larger pages.",
        "CanvasQuotaLow",
        Dashboard.API,
    ),
    Kind.THROTTLED: Guidance(
        "Send fewer requests at the same time, and give each job its own token.",
        "CanvasThrottled",
        Dashboard.API,
    ),
    Kind.API_FAILING: Guidance(
        "Check Canvas's status page and the network. Run the sync again when Canvas has recovered.",
        "CanvasApiFailing",
        Dashboard.API,
    ),
    Kind.API_SLOW: Guidance(
        "Check Canvas's status page and the network. Use smaller pages if single routes are slow.",
        "CanvasApiSlow",
        Dashboard.API,
    ),
    Kind.LIST_TRUNCATED: Guidance(
        "Follow the `next` link to the end of the list, or say in the code that the rest is not "
        "needed.",
        "CanvasListTruncated",
        Dashboard.API,
    ),
    Kind.STALE_ITEMS: Guidance(
        "Find out why the runs bring in no such items.", "CanvasSyncStale", Dashboard.OVERVIEW
    ),
    Kind.DB_FAILING: Guidance(
        "Check the app's database: connections, constraints, locks and free space.",
        "CanvasSyncDatabaseErrors",
        Dashboard.STORAGE,
    ),
    Kind.DB_SLOW: Guidance(
        "Check the app's database for missing indexes, locks and many single statements.",
        "CanvasSyncDatabaseSlow",
        Dashboard.STORAGE,
    ),
    Kind.DATABASE_AWAY: Guidance(
        "Start the database, or repair the network to it. No run is lost meanwhile.",
        "CanvasSyncDatabaseAway",
        Dashboard.STACK,
    ),
    Kind.SPOOL_GROWING: Guidance(
        "Run `canvas-sync-monitor doctor` as the user of the syncs, and fix what it reports.",
        "CanvasSyncSpoolGrowing",
        Dashboard.STACK,
    ),
    Kind.LOG_FOLDER_UNWRITABLE: Guidance(
        "Give the users of the syncs and of the exporter write access to the log folder.",
        "CanvasSyncLogFolderUnwritable",
        Dashboard.STACK,
    ),
    Kind.TELEMETRY_DROPPED: Guidance(
        "Check free disk space and the permissions of the log and state folders.",
        "CanvasSyncTelemetryDropped",
        Dashboard.STACK,
    ),
    Kind.ROLLUPS_BEHIND: Guidance(
        "Give the exporter's database role the right to write the rollup tables.",
        "CanvasSyncRollupsBehind",
        Dashboard.STACK,
    ),
    Kind.CLEANUP_MISSED: Guidance(
        "Check free disk space and the permissions of the archive folder, then run "
        "`canvas-sync-monitor cleanup`.",
        "CanvasSyncCleanupMissed",
        Dashboard.STORAGE,
    ),
    Kind.DISK_FILLING: Guidance(
        "Run `canvas-sync-monitor cleanup`, keep archives for fewer days, or free disk space.",
        "CanvasSyncDiskFilling",
        Dashboard.STORAGE,
    ),
    Kind.CLOCK_WRONG: Guidance(
        "Switch time synchronization on, or repair the time server.",
        "CanvasSyncClockWrong",
        Dashboard.STACK,
    ),
    Kind.MESSAGES_FAILING: Guidance(
        "Fix the address or password of the destination, then run `canvas-sync-monitor messages "
        "test` with its name.",
        "CanvasSyncMessagesFailing",
        Dashboard.STACK,
    ),
    Kind.EXPORTER_SILENT: Guidance(
        "Start the exporter on that host again. If the host is gone for good, remove it from the "
        "section [hosts] of the configuration file.",
        "CanvasSyncExporterSilent",
        Dashboard.STACK,
    ),
}
