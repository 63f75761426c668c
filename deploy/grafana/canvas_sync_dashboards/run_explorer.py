"""*Run explorer*: every run from the table, and from there its trace and its log lines."""

from __future__ import annotations

from typing import Final

from grafana_foundation_sdk.models.dashboard import Panel

from canvas_sync_core.names import ITEMS, SPAN_RUN, TABLE, RunStatus
from canvas_sync_core.schema.run_fields import item_column

from .datasources import LOKI, POSTGRESQL, TEMPO
from .links import Link, explore
from .page import Page, Row, half, quarter, whole
from .panels import COUNT, events, lines, log_lines, trace, value
from .steps import above, below
from .tables import Column, table
from .targets import Logs, Sql, Trace, Traces
from .variables import choose, choose_row, choose_rows, choose_words, write

__all__ = ["page"]

_SERVICE: Final = "canvas-sync"
_UID: Final = "canvas-sync-runs"

# If there are no runs, an empty array is valid SQL, unlike an empty IN ().
_SHOWN: Final = (
    "$__timeFilter(sync_start_time) "
    "AND sync_type = ANY(ARRAY[${sync_type:sqlstring}]::text[]) "
    "AND sync_status IN (${status:sqlstring}) "
    "AND (${user_id:sqlstring} = '' OR user_id::text = ${user_id:sqlstring})"
)
_CHANGED: Final = " + ".join(
    item_column(item, action) for item in ITEMS for action in ("created", "updated")
)
_COLOURS: Final = {
    RunStatus.RUNNING.value: "blue",
    RunStatus.SUCCESS.value: "green",
    RunStatus.PARTIAL.value: "orange",
    RunStatus.FAILED.value: "red",
    RunStatus.CANCELLED.value: "purple",
    RunStatus.INTERRUPTED.value: "red",
}


def page() -> Page:
    """The whole dashboard."""
    return Page(
        uid=_UID,
        title="Canvas Sync / Run explorer",
        description="Every run, and from there its trace and its log lines.",
        variables=(
            choose(POSTGRESQL),
            choose(LOKI),
            choose(TEMPO),
            choose_rows(
                "sync_type",
                "Sync type",
                f"SELECT DISTINCT sync_type FROM {TABLE} "
                "WHERE $__timeFilter(sync_start_time) ORDER BY 1",
            ),
            choose_words("status", "Status", tuple(RunStatus)),
            write("user_id", "User", "Number of a Canvas user; empty for all."),
            choose_row(
                "run",
                "Run",
                "SELECT sync_task_id AS __text, trace_id AS __value "
                f"FROM {TABLE} WHERE {_SHOWN} ORDER BY sync_start_time DESC LIMIT 500",
            ),
        ),
        rows=(_totals(), _runs(), _one_run(), _errors()),
    )


def _totals() -> Row:
    return Row(
        "In the time shown",
        (
            quarter(
                value(
                    "Runs",
                    "Runs that started in the time shown, of the chosen types, statuses and user.",
                    Sql(f"SELECT count(*) AS runs FROM {TABLE} WHERE {_SHOWN}"),
                    unit=COUNT,
                )
            ),
            quarter(
                value(
                    "Runs that succeeded",
                    "Share of the runs that have ended.",
                    Sql(
                        "SELECT avg((sync_status = 'success')::int) AS share "
                        f"FROM {TABLE} WHERE {_SHOWN} AND sync_status <> 'running'"
                    ),
                    unit="percentunit",
                    steps=below(0.99, 0.9),
                    empty="no runs",
                )
            ),
            quarter(
                value(
                    "Median duration",
                    "Half of the runs that have ended were faster.",
                    Sql(
                        "SELECT percentile_cont(0.5) WITHIN GROUP (ORDER BY duration) AS median "
                        f"FROM {TABLE} WHERE {_SHOWN} AND sync_end_time IS NOT NULL"
                    ),
                    unit="s",
                    steps=above(1800, 7200),
                    empty="no runs",
                )
            ),
            quarter(
                value(
                    "Items changed",
                    "Courses, assignments, submissions, grades, users and enrollments that were "
                    "new or had changed.",
                    Sql(f"SELECT sum({_CHANGED}) AS items FROM {TABLE} WHERE {_SHOWN}"),
                    unit=COUNT,
                    empty="0",
                )
            ),
        ),
    )


def _runs() -> Row:
    return Row(
        "Runs",
        (
            whole(_table_of_runs(), height=13),
            half(
                events(
                    "Runs by status",
                    "At the time when they started.",
                    Sql(
                        "SELECT $__timeGroupAlias(sync_start_time, $__interval), "
                        f"sync_status AS metric, count(*) AS runs FROM {TABLE} WHERE {_SHOWN} "
                        "GROUP BY 1, 2 ORDER BY 1",
                        is_over_time=True,
                    ),
                    unit=COUNT,
                )
            ),
            half(
                lines(
                    "Duration of runs",
                    "Each run that has ended, at the time when it started, by sync type.",
                    Sql(
                        "SELECT sync_start_time AS time, sync_type AS metric, duration "
                        f"FROM {TABLE} WHERE {_SHOWN} AND sync_end_time IS NOT NULL ORDER BY 1",
                        is_over_time=True,
                    ),
                    unit="s",
                    steps=above(1800, 7200),
                )
            ),
        ),
    )


def _table_of_runs() -> Panel:
    here = Link(
        "Show this run below",
        f"/d/{_UID}?var-run=${{__data.fields.Trace}}&${{__url_time_range}}",
        in_new_tab=False,
    )
    lines_of_it = Logs(
        f'{{service_name="{_SERVICE}"}} | task_id="${{__data.fields.Task:percentencode}}"'
    )
    return table(
        "Runs",
        "Newest first, at most 500. Click a task or a trace to show the run below, its trace, "
        "or its log lines in Explore.",
        Sql(
            'SELECT sync_start_time AS "Started", sync_status AS "Status", '
            'sync_task_id AS "Task", sync_type AS "Type", user_id AS "User", '
            f'duration AS "Duration", {_CHANGED} AS "Items changed", '
            'api_calls AS "API calls", api_failed AS "API failed", '
            'api_throttled AS "Throttled", db_failed AS "DB failed", '
            'concat_ws(\': \', error_type, error_message) AS "Error", trace_id AS "Trace" '
            f"FROM {TABLE} WHERE {_SHOWN} ORDER BY sync_start_time DESC LIMIT 500"
        ),
        Column("Started", unit="dateTimeAsIso", width=160),
        Column("Status", colours=_COLOURS, width=105),
        Column("Task", links=(here, explore("Log lines", lines_of_it)), width=210),
        Column("Type", width=105),
        Column("User", width=80),
        Column("Duration", unit="s", width=90),
        Column("Items changed", unit=COUNT, width=110),
        Column("API calls", unit=COUNT, width=85),
        Column("API failed", unit=COUNT, steps=above(1, 100), width=85),
        Column("Throttled", unit=COUNT, steps=above(1, 100), width=85),
        Column("DB failed", unit=COUNT, steps=above(1, 100), width=85),
        Column(
            "Trace",
            links=(explore("Trace", Trace("${__data.fields.Trace}")), here),
            width=130,
        ),
    )


def _one_run() -> Row:
    return Row(
        "The run chosen above",
        (
            whole(
                trace(
                    "Trace of the run",
                    "Every step, API call and database operation of the chosen run. A span leads "
                    "to its log lines and metrics.",
                    Trace("$run"),
                ),
                height=13,
            ),
            whole(
                log_lines(
                    "Log of the run",
                    "What the chosen run wrote into the five logs.",
                    Logs(f'{{service_name="{_SERVICE}"}} | trace_id="$run"'),
                )
            ),
        ),
    )


def _errors() -> Row:
    return Row(
        "Errors and traces of all runs",
        (
            half(
                log_lines(
                    "Errors log",
                    "Errors of runs of the chosen types. A line's trace id leads to its trace.",
                    Logs(
                        f'{{service_name="{_SERVICE}", log="errors"}} '
                        '| sync_type=~"${sync_type:regex}"'
                    ),
                )
            ),
            half(
                table(
                    "Traces",
                    "The newest traces of runs of the chosen types; a trace id opens the trace.",
                    Traces(
                        f'{{ name = "{SPAN_RUN}" '
                        '&& span.canvas.sync.type =~ "${sync_type:regex}" }'
                    ),
                )
            ),
        ),
    )
