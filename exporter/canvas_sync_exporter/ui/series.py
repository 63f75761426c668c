"""Figures of runs over the range of time of a page."""

from __future__ import annotations

from contextlib import suppress
from typing import Final

from canvas_sync_core.store.rollups.errors import ErrorSeries, TopErrors
from canvas_sync_core.store.rollups.periods import RollupsBehindError
from canvas_sync_core.store.rollups.series import RunSeries
from canvas_sync_core.store.rollups.slices import choose_step
from canvas_sync_core.store.rollups.snapshot import RollupSnapshot
from canvas_sync_exporter.web.context import WebContext

from .view import View

__all__ = ["read_error_series", "read_series", "read_top_errors"]

_MOST_POINTS: Final = 32
"""A page has the table behind each chart too, and must stay small."""
_MOST_ERROR_POINTS: Final = 16
"""That of errors has a column for each type."""


def read_series(
    context: WebContext, view: View, snapshot: RollupSnapshot | None = None
) -> RunSeries | None:
    """Read the figures of all runs, in few enough steps for the charts of a page.

    Args:
        context: Where they are.
        view: The page.
        snapshot: What to read them from; None to read everything now.

    Returns:
        The figures; None while too many runs are not in the rollups yet, as after an upgrade.

    Raises:
        SQLAlchemyError: The database is unreachable.
    """
    period, step = view.period, _step(view, _MOST_POINTS)
    with suppress(RollupsBehindError):
        return context.series.read(
            period.since, period.until, step=step, zone=view.zone, snapshot=snapshot
        )
    return None


def read_top_errors(
    context: WebContext, view: View, limit: int, snapshot: RollupSnapshot | None = None
) -> TopErrors | None:
    """Read the most frequent errors; None and ``SQLAlchemyError`` as for :func:`read_series`."""
    with suppress(RollupsBehindError):
        return context.errors.top(view.period.since, view.period.until, limit, snapshot)
    return None


def read_error_series(
    context: WebContext, view: View, limit: int, snapshot: RollupSnapshot | None = None
) -> ErrorSeries | None:
    """Read how often the most frequent errors occurred over time, in steps as few."""
    period, step = view.period, _step(view, _MOST_ERROR_POINTS)
    with suppress(RollupsBehindError):
        return context.errors.series(
            period.since,
            period.until,
            step=step,
            zone=view.zone,
            limit=limit,
            snapshot=snapshot,
        )
    return None


def _step(view: View, most: int) -> str:
    return choose_step(view.period.until - view.period.since, most)
