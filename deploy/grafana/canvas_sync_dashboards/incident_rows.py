"""The first row of *Overview*: what the exporter finds wrong now, and when runs are due."""

from __future__ import annotations

from typing import Final

from canvas_sync_core.schema.metrics import MetricName

from .links import Link
from .page import Row, third, whole
from .panels import COUNT, value
from .promql import SYNC_TYPE, series, since, total
from .steps import above
from .tables import Column, table
from .targets import Now, Rows

__all__ = ["incidents"]

_SYNC_TYPE_OR_NONE: Final = 'sync_type=~"$sync_type|"'
"""Incidents of the exporter or of a token may have no sync type."""
_SHOWN: Final = ("kind", "sync_type", "subject", "cause")
_RUNS: Final = Link(
    "Show the runs of this sync type",
    "/d/canvas-sync-runs?var-sync_type=${__data.fields.Type:percentencode}&${__url_time_range}",
    in_new_tab=False,
)


def _once(name: MetricName) -> str:
    """Count an incident once, although each exporter with the same database reports it."""
    counts = series(name, _SYNC_TYPE_OR_NONE)
    return f"max by (job, kind, severity, sync_type) ({counts})"


def incidents() -> Row:
    """Open incidents with their causes, and how current that is."""
    open_now = series(MetricName.INCIDENT_INFO, _SYNC_TYPE_OR_NONE)
    due = series(MetricName.NEXT_DUE, SYNC_TYPE)
    return Row(
        "Incidents",
        (
            whole(
                table(
                    "Open incidents",
                    "What is wrong now, according to the exporter, and why; also what somebody has "
                    "acknowledged. The runbook of each kind is on the exporter's page of alerts.",
                    Rows(f"count by ({', '.join(_SHOWN)}) ({open_now})"),
                    Column("Incident", width=180),
                    Column("Type", links=(_RUNS,), width=150),
                    titles={
                        "kind": "Incident",
                        "sync_type": "Type",
                        "subject": "Subject",
                        "cause": "Cause",
                        "Value": "Exporters",
                    },
                    hidden=("Time",),
                ),
                7,
            ),
            third(
                value(
                    "Incidents nobody has acknowledged",
                    "For each of them an alert fires. The table above says what they are.",
                    Now(total(_once(MetricName.INCIDENTS_OPEN), "severity"), "{{severity}}"),
                    unit=COUNT,
                    steps=above(1, 1),
                    empty="unknown",
                )
            ),
            third(
                value(
                    "Time until the next run is due",
                    "For sync types whose runs are expected, as configured or as learned from past "
                    "runs. Below 0, a run is late.",
                    Now(f"min by (sync_type) ({due}) - time()", "{{sync_type}}"),
                    unit="s",
                    empty="none expected",
                )
            ),
            third(
                value(
                    "Time since the last judging",
                    "The exporter looks for incidents every 15 seconds. If this grows, the panels "
                    "of this row are old, and an alert fires.",
                    Now(since(series(MetricName.JUDGED), "instance"), "{{instance}}"),
                    unit="s",
                    steps=above(60, 300),
                    empty="never",
                )
            ),
        ),
    )
