"""The endpoints that list runs: by any filters, of a user, those that went wrong."""

from __future__ import annotations

import datetime as dt
from typing import Any, Final

from canvas_sync_core.names import RunStatus
from canvas_sync_core.store import queries
from canvas_sync_core.store.run_facets import RunFacets, run_facets
from canvas_sync_core.store.run_filter import RunFilter
from canvas_sync_core.store.run_pages import RunPage
from canvas_sync_core.store.run_search import RunSearchPage, search_runs
from canvas_sync_core.store.running import RunningRuns, running_now

from .context import WebContext
from .cursors import CURSOR, cursor_problems
from .endpoint import Endpoint
from .formats import FORMAT
from .parameters import choice, duration, flag, list_limit, repeatable, text, whole_number
from .period import DAYS, FROM, TO, TZ, GivenTime, bounds, bounds_with_start, read_period
from .problems import DATABASE_AWAY, FieldError, ProblemError
from .run_lookup import NO_USER, USER_ID, no_user

__all__ = ["RUN_FILTERS", "RunsApi", "run_filter"]

_BIGGEST: Final = 2**63 - 1
_LIMIT: Final = list_limit("runs")
_RANGE: Final = (FROM, TO, TZ)
_PAGE: Final = (_LIMIT, CURSOR, FORMAT)
RUN_FILTERS: Final = (
    repeatable(choice("status", "Only runs with this status; may be repeated.", RunStatus)),
    repeatable(text("sync_type", "Only runs of this sync type; may be repeated.", 200)),
    whole_number("user_id", "Only runs of this user.", 0, _BIGGEST, in_path=False),
    whole_number("course_id", "Only runs of this course.", 0, _BIGGEST, in_path=False),
    text("host", "Only runs on this machine.", 300),
    text("error_type", "Only runs that ended with an error of this class.", 300),
    flag("suspect", "Only runs that differ widely from earlier ones of their kind."),
    duration("min_duration", "Only ended runs that took at least this long."),
    duration("max_duration", "Only ended runs that took at most this long."),
    *_RANGE,
)


class RunsApi:
    """Answers from the table of runs.

    Args:
        context: Where it is.
    """

    def __init__(self, context: WebContext) -> None:
        self._engine = context.engine

    def endpoints(self) -> tuple[Endpoint, ...]:
        """The endpoints, in the order in which the documentation shows them."""
        return (
            Endpoint(
                "GET",
                "runs",
                self.runs,
                "The runs that match all filters, newest first",
                RunSearchPage,
                tag="runs",
                parameters=(*RUN_FILTERS, *_PAGE),
                problems=DATABASE_AWAY,
            ),
            Endpoint(
                "GET",
                "runs/facets",
                self.facets,
                "How many runs match, by status, sync type, machine and error",
                RunFacets,
                tag="runs",
                parameters=RUN_FILTERS,
                problems=DATABASE_AWAY,
            ),
            Endpoint(
                "GET",
                "running",
                self.running,
                "The runs in progress: heartbeat, step, progress, expected end",
                RunningRuns,
                tag="runs",
                parameters=(_LIMIT, FORMAT),
                problems=DATABASE_AWAY,
            ),
            Endpoint(
                "GET",
                "user/<user_id>/syncs",
                self.user_runs,
                "The runs of a user, newest first",
                RunPage,
                tag="runs",
                parameters=(USER_ID, *_RANGE, *_PAGE),
                problems={**NO_USER, **DATABASE_AWAY},
                is_shared=True,
            ),
            Endpoint(
                "GET",
                "recent",
                self.recent_runs,
                "All runs, newest first",
                RunPage,
                tag="runs",
                parameters=(*_RANGE, *_PAGE),
                problems=DATABASE_AWAY,
                is_shared=True,
            ),
            Endpoint(
                "GET",
                "failed",
                self.failed_runs,
                "Failed, partial and interrupted runs with their errors, newest first",
                RunPage,
                tag="runs",
                parameters=(DAYS, *_RANGE, *_PAGE),
                problems=DATABASE_AWAY,
                is_shared=True,
            ),
            Endpoint(
                "GET",
                "suspect",
                self.suspect_runs,
                "Runs whose items or duration differ widely from the last ones of their kind",
                RunPage,
                tag="runs",
                parameters=(DAYS, *_RANGE, *_PAGE),
                problems=DATABASE_AWAY,
                is_shared=True,
            ),
        )

    def runs(self, limit: int, cursor: str | None, **filters: Any) -> RunSearchPage:
        """List runs."""
        with cursor_problems():
            return search_runs(self._engine, run_filter(**filters), limit, cursor)

    def facets(self, **filters: Any) -> RunFacets:
        """Count runs."""
        return run_facets(self._engine, run_filter(**filters))

    def running(self, limit: int) -> RunningRuns:
        """List the runs in progress."""
        return running_now(self._engine, dt.datetime.now(dt.UTC), limit)

    def user_runs(self, user_id: int, limit: int, cursor: str | None, **period: Any) -> RunPage:
        """List a user's runs."""
        since, until = bounds(period)
        with cursor_problems():
            page = queries.user_runs(self._engine, user_id, limit, cursor, since=since, until=until)
        if not page.items and not queries.user_runs(self._engine, user_id, 1).items:
            raise no_user(user_id)
        return page

    def recent_runs(self, limit: int, cursor: str | None, **period: Any) -> RunPage:
        """List all runs."""
        since, until = bounds(period)
        with cursor_problems():
            return queries.recent_runs(self._engine, limit, cursor, since=since, until=until)

    def failed_runs(self, limit: int, cursor: str | None, **period: Any) -> RunPage:
        """List failed, partial and interrupted runs."""
        since, until = bounds_with_start(period)
        with cursor_problems():
            return queries.failed_runs(self._engine, since, limit, cursor, until=until)

    def suspect_runs(self, limit: int, cursor: str | None, **period: Any) -> RunPage:
        """List suspect runs."""
        since, until = bounds_with_start(period)
        with cursor_problems():
            return queries.suspect_runs(self._engine, since, limit, cursor, until=until)


def run_filter(
    *,
    status: tuple[str, ...],
    sync_type: tuple[str, ...],
    suspect: bool,
    since: GivenTime | None,
    until: GivenTime | None,
    tz: dt.tzinfo,
    **others: Any,
) -> RunFilter:
    """Return the filter that the values of :data:`RUN_FILTERS` describe.

    Raises:
        ProblemError: 422, if they contradict each other.
    """
    period = read_period(since, until, tz)
    shortest, longest = others["min_duration"], others["max_duration"]
    if shortest is not None and longest is not None and shortest > longest:
        detail = "use at least min_duration"
        raise ProblemError(
            422,
            "The parameter is wrong: max_duration.",
            errors=[FieldError("max_duration", detail)],
        )
    return RunFilter(
        statuses=status,
        sync_types=sync_type,
        is_suspect=suspect,
        since=period.since,
        until=period.until,
        **others,
    )
