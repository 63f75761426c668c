"""The endpoints with totals of runs, how fast they were, and how fresh the data is."""

from __future__ import annotations

import datetime as dt
from typing import Any, Final

from canvas_sync_core.store import queries
from canvas_sync_core.store.freshness import Freshness
from canvas_sync_core.store.query_results import Performance, Summary, UserSummary

from .context import WebContext
from .endpoint import Endpoint
from .parameters import flag
from .period import DAYS, FROM, TO, TZ, bounds_with_start
from .problems import DATABASE_AWAY
from .run_lookup import NO_USER, USER_ID, no_user

__all__ = ["StatisticsApi"]

_EXACT: Final = flag("exact", "Read the runs themselves instead of the rollups, which is slow.")
_PERIOD: Final = (DAYS, FROM, TO, TZ)


class StatisticsApi:
    """Answers from the rollups, or from the rows of the table.

    Args:
        context: Where they are.
    """

    def __init__(self, context: WebContext) -> None:
        self._engine = context.engine
        self._rollups = context.rollups

    def endpoints(self) -> tuple[Endpoint, ...]:
        """The endpoints, in the order in which the documentation shows them."""
        return (
            Endpoint(
                "GET",
                "user/<user_id>/summary",
                self.user_summary,
                "Totals, success rate, durations and the last run of a user",
                UserSummary,
                tag="statistics",
                parameters=(USER_ID, *_PERIOD),
                problems={**NO_USER, **DATABASE_AWAY},
            ),
            Endpoint(
                "GET",
                "summary",
                self.summary,
                "Totals of all runs, by status and sync type",
                Summary,
                tag="statistics",
                parameters=(*_PERIOD, _EXACT),
                problems=DATABASE_AWAY,
                is_shared=True,
            ),
            Endpoint(
                "GET",
                "performance",
                self.performance,
                "How fast runs, API calls and database operations were, with a trend by day",
                Performance,
                tag="statistics",
                parameters=(*_PERIOD, _EXACT),
                problems=DATABASE_AWAY,
                is_shared=True,
            ),
            Endpoint(
                "GET",
                "freshness",
                self.freshness,
                "When courses, grades and other items last arrived, by sync type",
                Freshness,
                tag="statistics",
                parameters=_PERIOD,
                problems=DATABASE_AWAY,
            ),
        )

    def user_summary(self, user_id: int, **period: Any) -> UserSummary:
        """Return totals of a user's runs."""
        found = queries.user_summary(self._engine, user_id, *bounds_with_start(period))
        if found.last_run is None:
            raise no_user(user_id)
        return found

    def summary(self, exact: bool, **period: Any) -> Summary:
        """Return totals of all runs."""
        since, until = bounds_with_start(period)
        if exact:
            return queries.summary(self._engine, since, until)
        return self._rollups.summary(since, until)

    def performance(self, exact: bool, tz: dt.tzinfo, **period: Any) -> Performance:
        """Return how fast runs were."""
        since, until = bounds_with_start({**period, "tz": tz})
        if exact:
            return queries.performance(self._engine, since, tz, until)
        return self._rollups.performance(since, tz, until)

    def freshness(self, **period: Any) -> Freshness:
        """Return how fresh the data is."""
        since, until = bounds_with_start(period)
        return self._rollups.freshness(since, dt.datetime.now(dt.UTC), until)
