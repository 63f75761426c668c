"""The fields of a run: each is declared once, with every place where it appears.

A field has a column in the table. Many also have a field in the line ``run_ended``, an attribute of
the run's span, or a metric that counts the same over all runs. Columns, rows, that line's values,
attributes and sums are derived from here. A test compares the types that have these fields as
attributes (:class:`.RunSnapshot`, :class:`.RunRow`, :class:`.RunEndedRecord`).
"""

from __future__ import annotations

from enum import Enum
from typing import Any, Final

import msgspec

from canvas_sync_core.names import ITEMS

from .metrics import MetricName

__all__ = ["ITEM_COLUMN_ACTIONS", "RUN_FIELDS", "FieldType", "RunField", "item_column"]


class FieldType(Enum):
    """What a column holds."""

    INTEGER = "whole number of up to 64 bits"
    DOUBLE = "floating-point number"
    NAME = "text that is compared or grouped by"
    TEXT = "text to be read"
    LINES = "list of texts of one line each"
    STATUS = "one of the run statuses"
    TIME = "moment"
    START = "moment by which runs are sorted"
    BOOLEAN = "yes or no"
    JSON = "object"


class RunField(msgspec.Struct, frozen=True, kw_only=True):
    """A field of a run.

    Attributes:
        column: Its column in the table.
        type: The type of the column.
        doc: Its meaning, in one sentence.
        source: The path to its value from :class:`.RunSnapshot`; empty if the run itself does not
            know it.
        is_nullable: Whether it can be absent.
        default: The value for rows that are older than the column, as an SQL literal.
        log: Its field in the line ``run_ended``; empty if it is not there.
        span: Its attribute of the run's span; empty if it is not there.
        metric: The metric that counts the same over all runs.
        is_total: Whether it is a total of the run's API calls or database operations.
        is_summed: Whether rollups store its sum over runs.
    """

    column: str
    type: FieldType
    doc: str
    source: str = ""
    is_nullable: bool = False
    default: str | None = None
    log: str = ""
    span: str = ""
    metric: MetricName | None = None
    is_total: bool = False
    is_summed: bool = False

    @property
    def is_direct(self) -> bool:
        """Whether it is an attribute of the snapshot itself."""
        return bool(self.source) and "." not in self.source


_ACTIONS: Final = {
    "processed": "handled in total",
    "created": "that were new",
    "updated": "that had changed",
    "failed": "that could not be handled",
}
ITEM_COLUMN_ACTIONS: Final = tuple(_ACTIONS)
"""The counts that have a column."""


def item_column(item: str, action: str) -> str:
    """Name the column that counts ``action`` on ``item``, such as ``courses_created``."""
    return f"{item}s_{action}"


def _alike(name: str, kind: FieldType, doc: str, **more: Any) -> RunField:
    """Declare a field that has the same name in the snapshot, the table and the log."""
    return RunField(column=name, type=kind, doc=doc, source=name, log=name, **more)


def _total(name: str, kind: FieldType, doc: str, **more: Any) -> RunField:
    """Declare a total of API calls or database operations."""
    return _alike(name, kind, doc, is_total=True, **more)


def _item_count(item: str, action: str) -> RunField:
    return RunField(
        column=item_column(item, action),
        type=FieldType.INTEGER,
        doc=f"{item.capitalize()}s {_ACTIONS[action]}.",
        source=f"items.{item}.{action}",
        log="items",
        metric=MetricName.ITEMS,
        is_summed=True,
    )


RUN_FIELDS: Final[tuple[RunField, ...]] = (
    RunField(column="id", type=FieldType.INTEGER, doc="Number of the run in this table."),
    RunField(
        column="sync_task_id",
        type=FieldType.NAME,
        doc="The run's id, unique.",
        source="task_id",
        log="task_id",
        span="canvas.sync.task_id",
    ),
    _alike(
        "user_id",
        FieldType.INTEGER,
        "Canvas id of the user that the sync ran for.",
        is_nullable=True,
        span="canvas.user_id",
    ),
    _alike(
        "course_id",
        FieldType.INTEGER,
        "Canvas id of the course, for a sync of one course.",
        is_nullable=True,
        span="canvas.course_id",
    ),
    _alike(
        "sync_type",
        FieldType.NAME,
        "Kind of sync, such as full or incremental.",
        span="canvas.sync.type",
    ),
    _alike("canvas_host", FieldType.NAME, "Host of the first API call.", is_nullable=True),
    RunField(
        column="sync_start_time",
        type=FieldType.START,
        doc="When the run started.",
        source="start_time",
    ),
    RunField(
        column="sync_end_time",
        type=FieldType.TIME,
        doc="When it ended; for an interrupted run, its last heartbeat.",
        source="end_time",
        is_nullable=True,
        metric=MetricName.LAST_RUN,
    ),
    RunField(
        column="duration",
        type=FieldType.DOUBLE,
        doc="Duration in seconds.",
        source="duration",
        is_nullable=True,
        log="duration_seconds",
        metric=MetricName.RUN_DURATION,
    ),
    RunField(
        column="heartbeat",
        type=FieldType.TIME,
        doc="When the run was last known to be alive.",
        source="heartbeat",
    ),
    RunField(
        column="sync_status",
        type=FieldType.STATUS,
        doc="See below.",
        source="status",
        log="status",
        span="canvas.sync.status",
        metric=MetricName.RUNS,
    ),
    _alike("progress", FieldType.DOUBLE, "Percent, 0 to 100."),
    _alike(
        "step",
        FieldType.NAME,
        "The current step, or the one in which the run ended.",
        is_nullable=True,
    ),
    RunField(
        column="error_type",
        type=FieldType.NAME,
        doc="Class of the error that ended the run, or Partial or Interrupted.",
        source="error.error_type",
        is_nullable=True,
        log="error_type",
        span="error.type",
    ),
    RunField(
        column="error_message",
        type=FieldType.TEXT,
        doc="Its message, without secrets and personal data.",
        source="error.message",
        is_nullable=True,
        log="error",
    ),
    *(_item_count(item, action) for item in ITEMS for action in ITEM_COLUMN_ACTIONS),
    _total(
        "api_calls",
        FieldType.INTEGER,
        "Canvas API calls.",
        span="canvas.sync.api_calls",
        metric=MetricName.API_REQUESTS,
        is_summed=True,
    ),
    _total(
        "api_failed",
        FieldType.INTEGER,
        "Calls without a response or with status 400 and above.",
        is_summed=True,
    ),
    _total(
        "api_throttled",
        FieldType.INTEGER,
        "Calls that Canvas throttled; they also count as failed.",
        span="canvas.sync.api_throttled",
        metric=MetricName.API_THROTTLED,
        is_summed=True,
    ),
    _total(
        "api_retried",
        FieldType.INTEGER,
        "Calls that repeated a failed one.",
        metric=MetricName.API_RETRIES,
        is_summed=True,
    ),
    _total(
        "api_seconds",
        FieldType.DOUBLE,
        "Time in API calls.",
        metric=MetricName.API_REQUEST_DURATION,
    ),
    _total(
        "db_operations",
        FieldType.INTEGER,
        "Operations on the app's own database.",
        span="canvas.sync.db_operations",
        metric=MetricName.DB_OPERATIONS,
        is_summed=True,
    ),
    _total("db_failed", FieldType.INTEGER, "Failed database operations.", is_summed=True),
    _total(
        "db_seconds",
        FieldType.DOUBLE,
        "Time in database operations.",
        metric=MetricName.DB_OPERATION_DURATION,
    ),
    _alike("trace_id", FieldType.NAME, "32 hexadecimal digits, the same in logs and spans."),
    _alike("host", FieldType.NAME, "Machine that the run ran on."),
    _alike("pid", FieldType.INTEGER, "Process id."),
    RunField(
        column="sync_metadata",
        type=FieldType.JSON,
        doc="The app's metadata, sanitized; {} if there is none.",
        source="metadata",
    ),
    _total(
        "request_context_id",
        FieldType.NAME,
        "X-Request-Context-Id of the latest failed API call, not counting throttled ones",
        is_nullable=True,
    ),
    _total(
        "api_truncated",
        FieldType.INTEGER,
        "Lists whose next page was never fetched.",
        default="0",
        metric=MetricName.API_TRUNCATED_LISTS,
    ),
    _total(
        "api_wait_seconds",
        FieldType.DOUBLE,
        "Time that calls waited for a guard.",
        default="0",
        metric=MetricName.API_GUARD_WAIT,
    ),
    RunField(
        column="suspect",
        type=FieldType.BOOLEAN,
        doc="Whether items or duration differ widely from the last runs of the same kind",
        is_nullable=True,
        metric=MetricName.RUNS_SUSPECT,
    ),
    RunField(
        column="suspect_reason",
        type=FieldType.TEXT,
        doc="What is unusual, with numbers; null if nothing is.",
        is_nullable=True,
    ),
    RunField(
        column="error_traceback",
        type=FieldType.LINES,
        doc="Where in the app's own code the error happened",
        source="error.traceback",
        is_nullable=True,
        log="error_traceback",
        span="code.stacktrace",
    ),
    _total(
        "api_items",
        FieldType.INTEGER,
        "Items in the lists that Canvas sent.",
        is_nullable=True,
        metric=MetricName.API_RECEIVED_ITEMS,
    ),
    _total(
        "api_bytes",
        FieldType.INTEGER,
        "Uncompressed size of the response bodies in bytes. Null if no size was known.",
        is_nullable=True,
        metric=MetricName.API_RECEIVED_BYTES,
    ),
    RunField(
        column="telemetry_fault",
        type=FieldType.TEXT,
        doc="Which part of the run's telemetry cannot be written, and why",
        source="telemetry_fault",
        is_nullable=True,
    ),
    RunField(
        column="clock_skew",
        type=FieldType.DOUBLE,
        doc="Seconds by which the clock of the run's machine was ahead of Canvas's",
        source="clock_skew",
        is_nullable=True,
        metric=MetricName.CLOCK_SKEW,
        is_total=True,
    ),
)
"""The fields in the order of the table's columns."""
