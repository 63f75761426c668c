"""Figures of runs over the range of time of a page."""

from __future__ import annotations

from typing import Final

from canvas_sync_core.store.rollups.series import RunSeries
from canvas_sync_core.store.rollups.slices import choose_step
from canvas_sync_exporter.web.context import WebContext

from .view import View

__all__ = ["read_series"]

_MOST_POINTS: Final = 32
"""A page has the table behind each chart too, and must stay small."""


def read_series(context: WebContext, view: View) -> RunSeries:
    """Read the figures of all runs, in few enough steps for the charts of a page.

    Raises:
        StorageError: Too much is not in the rollups yet.
        SQLAlchemyError: The database is away.
    """
    period = view.period
    step = choose_step(period.until - period.since, _MOST_POINTS)
    return context.series.read(period.since, period.until, step=step, zone=view.zone)
