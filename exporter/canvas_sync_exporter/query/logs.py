"""What the logs say about one run."""

from __future__ import annotations

from collections.abc import Sequence

from canvas_sync_core.names import Log
from canvas_sync_core.store.runs import RunRow
from canvas_sync_exporter.logs.run_calls import CallKind, CallPage, run_calls
from canvas_sync_exporter.logs.run_lines import LinePage
from canvas_sync_exporter.logs.run_steps import StepList, run_steps
from canvas_sync_exporter.logs.search import Order

from .sources import run_logs

__all__ = ["get_run_calls", "get_run_lines", "get_run_steps"]


def get_run_calls(
    run: RunRow,
    *,
    limit: int = 500,
    cursor: str | None = None,
    kinds: Sequence[CallKind | str] = tuple(CallKind),
) -> CallPage:
    """Return a page of the API calls, database operations and waits of a run.

    Args:
        run: The run.
        limit: Maximum number of calls.
        cursor: ``next`` of the previous page.
        kinds: Some of ``api``, ``database`` and ``guard``.
    """
    chosen = tuple(map(CallKind, kinds))
    return run_calls(run_logs(), run, limit=limit, cursor=cursor, kinds=chosen)


def get_run_steps(run: RunRow) -> StepList:
    """Return the steps of a run."""
    return run_steps(run_logs(), run)


def get_run_lines(
    run: RunRow,
    *,
    limit: int = 500,
    cursor: str | None = None,
    order: Order | str = Order.OLDEST,
    logs: Sequence[Log | str] = tuple(Log),
) -> LinePage:
    """Return a page of the lines of a run.

    Args:
        run: The run.
        limit: Maximum number of lines.
        cursor: ``next`` of the previous page.
        order: ``oldest`` or ``newest`` lines first.
        logs: Only lines of these logs.
    """
    return run_logs().lines(
        run, limit=limit, cursor=cursor, order=Order(order), logs=tuple(map(Log, logs))
    )
