"""The endpoints about one run: its row, its history, steps, calls and log lines."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Final

from canvas_sync_core.names import Log
from canvas_sync_core.store import queries
from canvas_sync_core.store.run_history import RunHistory, run_history
from canvas_sync_core.store.runs import RunRow
from canvas_sync_exporter.logs.run_calls import CallKind, CallPage, run_calls
from canvas_sync_exporter.logs.run_lines import RunLogs
from canvas_sync_exporter.logs.run_steps import StepList, run_steps
from canvas_sync_exporter.logs.search import BadCursorError, Order

from .context import WebContext
from .endpoint import Endpoint
from .formats import FORMAT
from .log_parameters import CURSOR, LIMIT, LOG, ORDER
from .parameters import choice, list_limit, repeatable, text
from .period import TZ, Period, range_of, read_period
from .problems import DATABASE_AWAY, FieldError, ProblemError
from .run_lookup import NO_RUN, RUN_ID, require_run
from .search_results import FoundPage, found_record

__all__ = ["RunDetailApi"]

_TASK_ID: Final = text("task_id", "Task id of the run.", 1000, in_path=True)
_NO_RUN: Final = {**NO_RUN, **DATABASE_AWAY}
_PROBLEMS: Final = {
    **NO_RUN,
    503: f"{DATABASE_AWAY[503]} Or the log folder or a file in it cannot be read.",
}
_CALL_LIMIT: Final = list_limit("calls")
_ENDED: Final = range_of("ended")
_WRITTEN: Final = range_of("was written")
_KIND: Final = repeatable(choice("kind", "Only calls of this kind; may be repeated.", CallKind))


class RunDetailApi:
    """Answers from the table of runs and from the log folder.

    Args:
        context: Where they are.
    """

    def __init__(self, context: WebContext) -> None:
        self._engine = context.engine
        config = context.configuration
        self._logs = RunLogs(config)

    def endpoints(self) -> tuple[Endpoint, ...]:
        """The endpoints, in the order in which the documentation shows them."""
        return (
            Endpoint(
                "GET",
                "sync/<run_id>",
                self.run,
                "One run with all fields",
                RunRow,
                tag="runs",
                parameters=(RUN_ID,),
                problems=_NO_RUN,
                is_shared=True,
            ),
            Endpoint(
                "GET",
                "sync/task/<path:task_id>",
                self.run_of_task,
                "One run with all fields, by its task id",
                RunRow,
                tag="runs",
                parameters=(_TASK_ID,),
                problems=_NO_RUN,
                is_shared=True,
            ),
            Endpoint(
                "GET",
                "sync/<run_id>/history",
                self.history,
                "A run beside others of its kind: medians, last success, previous, next",
                RunHistory,
                tag="runs",
                parameters=(RUN_ID,),
                problems=_NO_RUN,
            ),
            Endpoint(
                "GET",
                "sync/<run_id>/steps",
                self.steps,
                "The steps of a run",
                StepList,
                tag="runs",
                parameters=(RUN_ID, FORMAT),
                problems=_PROBLEMS,
            ),
            Endpoint(
                "GET",
                "sync/<run_id>/calls",
                self.calls,
                "API calls, database operations and waits of a run, in the order of their end",
                CallPage,
                tag="runs",
                parameters=(RUN_ID, _KIND, *_ENDED, TZ, _CALL_LIMIT, CURSOR, FORMAT),
                problems=_PROBLEMS,
            ),
            Endpoint(
                "GET",
                "sync/<run_id>/log",
                self.log,
                "The lines of a run in all logs",
                FoundPage,
                tag="runs",
                parameters=(RUN_ID, LOG, *_WRITTEN, TZ, ORDER, LIMIT, CURSOR, FORMAT),
                problems=_PROBLEMS,
            ),
        )

    def run(self, run_id: int) -> RunRow:
        """Find a run by its number."""
        return require_run(self._engine, run_id)

    def run_of_task(self, task_id: str) -> RunRow:
        """Find a run by its task id."""
        run = queries.run_by_task(self._engine, task_id)
        if run is None:
            raise ProblemError(404, f"There is no run with the id {task_id!r}.")
        return run

    def history(self, run_id: int) -> RunHistory:
        """Compare a run with others of its kind."""
        return run_history(self._engine, require_run(self._engine, run_id))

    def steps(self, run_id: int) -> StepList:
        """List the steps of a run."""
        return run_steps(self._logs, require_run(self._engine, run_id))

    def calls(
        self,
        run_id: int,
        kind: tuple[CallKind, ...],
        limit: int,
        cursor: str | None,
        **period: Any,
    ) -> CallPage:
        """List the calls of a run."""
        ended = _period(period)
        run = require_run(self._engine, run_id)
        with _cursor_problems():
            kinds = kind or tuple(CallKind)
            return run_calls(
                self._logs,
                run,
                limit=limit,
                cursor=cursor,
                kinds=kinds,
                since=ended.since,
                until=ended.until,
            )

    def log(
        self,
        run_id: int,
        log: tuple[Log, ...],
        order: Order,
        limit: int,
        cursor: str | None,
        **period: Any,
    ) -> FoundPage:
        """List the lines of a run."""
        written = _period(period)
        run = require_run(self._engine, run_id)
        with _cursor_problems():
            page = self._logs.lines(
                run,
                limit=limit,
                cursor=cursor,
                order=order,
                logs=log,
                since=written.since,
                until=written.until,
            )
        return FoundPage(
            items=list(map(found_record, page.items)),
            next=page.next,
            searched_to=page.searched_to,
            bytes_left=page.bytes_left,
            unreadable_lines=page.unreadable_lines,
            problems=page.problems,
        )


def _period(values: Mapping[str, Any]) -> Period:
    return read_period(values["since"], values["until"], values["tz"])


@contextmanager
def _cursor_problems() -> Iterator[None]:
    try:
        yield
    except BadCursorError as error:
        wrong = FieldError("cursor", str(error))
        raise ProblemError(422, "The cursor is wrong.", errors=[wrong]) from error
