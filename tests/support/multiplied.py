"""A large table from few rows."""

from __future__ import annotations

from typing import Final

from sqlalchemy import Engine, text

from canvas_sync_core.names import TABLE
from canvas_sync_core.store.model import metrics_table

__all__ = ["multiply"]

_TASK_ID: Final = "sync_task_id"


def multiply(engine: Engine, times: int) -> None:
    """Repeat the rows of the table so often that PostgreSQL chooses plans as for millions."""
    copied = [each.name for each in metrics_table.columns if each.name not in ("id", _TASK_ID)]
    names = ", ".join(copied)
    with engine.begin() as connection:
        connection.execute(
            text(
                f"INSERT INTO {TABLE} ({_TASK_ID}, {names})"
                f" SELECT {_TASK_ID} || number, {names}"
                f" FROM {TABLE}, generate_series(1, {times}) AS number"
            )
        )
