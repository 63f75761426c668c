"""One state of the rollups and of the runs that they lack, for all figures of a page."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Engine

from canvas_sync_core.store.database import connect_to_read_snapshot

from .buckets import FIFTEEN_MINUTES, floor
from .error_counts import has_unknown_errors
from .periods import new_rows, usable_state
from .state import RollupState

__all__ = ["RollupSnapshot", "open_snapshot"]


@dataclass(frozen=True, slots=True)
class RollupSnapshot:
    """What the database contains at one time, as :mod:`.reading` describes.

    Attributes:
        connection: A transaction that sees it.
        state: What the rollups contain and lack, since some time or earlier.
        new_runs: The ended runs since then that are in no rollup; first their start.
    """

    connection: Connection
    state: RollupState
    new_runs: Sequence[Sequence[Any]]


@contextmanager
def open_snapshot(engine: Engine, since: datetime) -> Iterator[RollupSnapshot | None]:
    """Read what several answers have in common, and keep the transaction while the block lasts.

    Args:
        engine: The database with the table.
        since: No answer is about an earlier time.

    Yields:
        The snapshot; None, with nothing open, if some answer may need the rows.

    Raises:
        SQLAlchemyError: The database is unreachable.
    """
    since = floor(since, FIFTEEN_MINUTES)
    with connect_to_read_snapshot(engine) as connection:
        state = usable_state(connection, since)
        if state is not None and not has_unknown_errors(connection):
            yield RollupSnapshot(connection, state, list(new_rows(connection, state, since)))
            return
    yield None
