"""The endpoint for charts: figures of runs over time."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

from canvas_sync_core.store.rollups.series import RunSeries, SeriesBy
from canvas_sync_core.store.rollups.slice_reader import TooManySlicesError
from canvas_sync_core.store.rollups.slices import STEPS

from .context import WebContext
from .endpoint import Endpoint
from .parameters import Parameter, choice
from .period import DAYS, FROM, TO, TZ, read_period_with_start
from .problems import FieldError, ProblemError

__all__ = ["SERIES_PROBLEMS", "STEP", "SeriesApi", "step_problems"]


def _parse_step(raw: str) -> str:
    if raw not in STEPS:
        raise ValueError(f"use one of {', '.join(STEPS)}")
    return raw


STEP: Final = Parameter(
    "step",
    in_path=False,
    description="How much time a point covers; by default such that there are at most 200.",
    parse=_parse_step,
    schema={"type": "string", "enum": list(STEPS)},
)
_BY: Final = choice("by", "One series for each sync type or status, instead of one.", SeriesBy)
SERIES_PROBLEMS: Final = {
    503: "The database is unreachable, or too few runs are in the rollups yet; `Retry-After` says"
    " when to retry."
}


class SeriesApi:
    """Answers from the rollups.

    Args:
        context: Where they are.
    """

    def __init__(self, context: WebContext) -> None:
        self._series = context.series

    def endpoints(self) -> tuple[Endpoint, ...]:
        """The endpoints, in the order in which the documentation shows them."""
        return (
            Endpoint(
                "GET",
                "series",
                self.series,
                "Figures of runs over time, for a chart",
                RunSeries,
                tag="statistics",
                parameters=(DAYS, FROM, TO, TZ, STEP, _BY),
                problems=SERIES_PROBLEMS,
            ),
        )

    def series(
        self, *, step: str | None, by: SeriesBy | None, tz: dt.tzinfo, **period: Any
    ) -> RunSeries:
        """Return figures of runs over time."""
        wanted = read_period_with_start(period["since"], period["until"], tz, period["days"])
        until = wanted.until or max(dt.datetime.now(dt.UTC), wanted.since)
        with step_problems():
            return self._series.read(wanted.since, until, step=step, by=by or SeriesBy.ALL, zone=tz)


@contextmanager
def step_problems() -> Iterator[None]:
    """Answer 422 when the step is too short for the period.

    Raises:
        ProblemError: It is.
    """
    try:
        yield
    except TooManySlicesError as error:
        wrong = FieldError("step", str(error))
        raise ProblemError(422, "The parameter is wrong: step.", errors=[wrong]) from error
