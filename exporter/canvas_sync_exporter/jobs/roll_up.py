"""Keeps the rollups up to date with the table of runs."""

from __future__ import annotations

import logging
import math
import time
from typing import Final

from sqlalchemy import Engine

from canvas_sync_core.store.rollups.writing import roll_up, waiting
from canvas_sync_core.wording import counted

__all__ = ["RollUp"]

_BUDGET_SECONDS: Final = 1.0
_PROGRESS_SECONDS: Final = 60.0

_log = logging.getLogger(__name__)


class RollUp:
    """Rolls runs up in short steps, so that syncs can write in between.

    Args:
        engine: The database with the table of runs and the rollups.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._progress_logged = -math.inf

    def advance(self) -> bool:
        """Update the rollups for a second at most; return whether work is left.

        Raises:
            SQLAlchemyError: The database is down, or its role may not write the rollups.
        """
        is_left = roll_up(self._engine, _BUDGET_SECONDS)
        if is_left and time.monotonic() >= self._progress_logged + _PROGRESS_SECONDS:
            left = waiting(self._engine)
            _log.info(
                "Rolling up: %s and %s left.",
                counted(left.buckets, "15-minute bucket"),
                counted(left.runs, "run"),
            )
            self._progress_logged = time.monotonic()
        elif not is_left and self._progress_logged > -math.inf:
            _log.info("All runs are rolled up.")
            self._progress_logged = -math.inf
        return is_left
