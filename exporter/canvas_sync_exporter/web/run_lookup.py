"""How an endpoint finds the run that its path names."""

from __future__ import annotations

from typing import Final

from sqlalchemy import Engine

from canvas_sync_core.store import queries
from canvas_sync_core.store.runs import RunRow

from .parameters import whole_number
from .problems import ProblemError

__all__ = ["NO_RUN", "RUN_ID", "require_run"]

RUN_ID: Final = whole_number("run_id", "Number of the run.", 1, 2**63 - 1)
NO_RUN: Final = {404: "There is no such run."}


def require_run(engine: Engine, run_id: int) -> RunRow:
    """Find a run by its number.

    Raises:
        ProblemError: 404, there is no such run.
    """
    run = queries.run_by_id(engine, run_id)
    if run is None:
        raise ProblemError(404, f"There is no run {run_id}.")
    return run
