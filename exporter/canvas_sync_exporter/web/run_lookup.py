"""How an endpoint finds the run or the user that its path names."""

from __future__ import annotations

from typing import Final

from sqlalchemy import Engine

from canvas_sync_core.store import queries
from canvas_sync_core.store.runs import RunRow

from .parameters import whole_number
from .problems import ProblemError

__all__ = ["NO_RUN", "NO_USER", "RUN_ID", "USER_ID", "no_user", "require_run"]

_BIGGEST: Final = 2**63 - 1
RUN_ID: Final = whole_number("run_id", "Number of the run.", 1, _BIGGEST)
USER_ID: Final = whole_number("user_id", "Canvas id of the user.", 0, _BIGGEST)
NO_RUN: Final = {404: "There is no such run."}
NO_USER: Final = {404: "The user never had a run."}


def require_run(engine: Engine, run_id: int) -> RunRow:
    """Find a run by its number.

    Raises:
        ProblemError: 404, there is no such run.
    """
    run = queries.run_by_id(engine, run_id)
    if run is None:
        raise ProblemError(404, f"There is no run {run_id}.")
    return run


def no_user(user_id: int) -> ProblemError:
    """Return the problem that a user never had a run."""
    return ProblemError(404, f"The user {user_id} never had a run.")
