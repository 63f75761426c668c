"""How the runs of the last 24 hours ended: whether last night went well."""

from __future__ import annotations

import datetime as dt
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

from canvas_sync_core.names import FINAL_STATUSES, RunStatus
from canvas_sync_core.store.rollups.periods import RollupsBehindError
from canvas_sync_core.store.rollups.snapshot import RollupSnapshot
from canvas_sync_exporter.web.context import WebContext

__all__ = ["LastDay", "read_last_day"]

_DAY: Final = dt.timedelta(days=1)


@dataclass(frozen=True, slots=True)
class LastDay:
    """How the runs of the last 24 hours ended.

    Attributes:
        since: The start; that of a quarter of an hour, because figures are kept by those.
        ended: Number of runs that have ended.
        unsuccessful: How those ended that did not succeed: status -> number of runs.
    """

    since: dt.datetime
    ended: int
    unsuccessful: dict[str, int]

    @property
    def went_well(self) -> bool:
        """Whether every run succeeded."""
        return not self.unsuccessful


def read_last_day(
    context: WebContext, now: dt.datetime, snapshot: RollupSnapshot | None = None
) -> LastDay | None:
    """Count the runs of the last 24 hours by how they ended.

    Returns:
        The counts; None while too many runs are not in the rollups yet, as after an upgrade.

    Raises:
        SQLAlchemyError: The database is unreachable.
    """
    with suppress(RollupsBehindError):
        summary = context.rollups.summary(now - _DAY, snapshot=snapshot)
        runs = {status.value: summary.runs.by_status[status] for status in FINAL_STATUSES}
        bad = {name: count for name, count in runs.items() if count and name != RunStatus.SUCCESS}
        return LastDay(summary.since, sum(runs.values()), bad)
    return None
