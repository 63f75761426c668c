"""The endpoints about the errors that ended runs."""

from __future__ import annotations

import datetime as dt
from typing import Any, Final

from canvas_sync_core.store.rollups.errors import ErrorSeries, TopErrors

from .context import WebContext
from .endpoint import Endpoint
from .formats import FORMAT
from .parameters import list_limit
from .period import DAYS, FROM, TO, TZ, read_period_with_start
from .series_api import SERIES_PROBLEMS, STEP, step_problems

__all__ = ["ErrorApi"]

_LIMIT: Final = list_limit("errors")


class ErrorApi:
    """Answers from the rollups.

    Args:
        context: Where they are.
    """

    def __init__(self, context: WebContext) -> None:
        self._errors = context.errors

    def endpoints(self) -> tuple[Endpoint, ...]:
        """The endpoints, in the order in which the documentation shows them."""
        return (
            Endpoint(
                "GET",
                "errors/top",
                self.top_errors,
                "The errors that ended most runs, with the last of these runs",
                TopErrors,
                tag="statistics",
                parameters=(DAYS, FROM, TO, TZ, _LIMIT, FORMAT),
                problems=SERIES_PROBLEMS,
            ),
            Endpoint(
                "GET",
                "errors/series",
                self.error_series,
                "How often the most frequent errors ended runs over time, for a chart",
                ErrorSeries,
                tag="statistics",
                parameters=(DAYS, FROM, TO, TZ, STEP, _LIMIT),
                problems=SERIES_PROBLEMS,
            ),
        )

    def top_errors(self, *, tz: dt.tzinfo, limit: int, **period: Any) -> TopErrors:
        """Return the most frequent errors."""
        since, until = _bounds(tz, period)
        return self._errors.top(since, until, limit)

    def error_series(
        self, *, step: str | None, tz: dt.tzinfo, limit: int, **period: Any
    ) -> ErrorSeries:
        """Return errors over time."""
        since, until = _bounds(tz, period)
        with step_problems():
            return self._errors.series(since, until, step=step, zone=tz, limit=limit)


def _bounds(tz: dt.tzinfo, period: dict[str, Any]) -> tuple[dt.datetime, dt.datetime]:
    wanted = read_period_with_start(period["since"], period["until"], tz, period["days"])
    return wanted.since, wanted.until or max(dt.datetime.now(dt.UTC), wanted.since)
