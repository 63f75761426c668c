"""Judges at regular intervals and soon after a run has ended."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Final

from sqlalchemy import Engine

from canvas_sync_core.clock import monotonic
from canvas_sync_core.store.rollups.state import newest_generation
from canvas_sync_exporter.judge.judge import Judge

from .job import EXPECTED_FAILURES

__all__ = ["Judging"]

_INTERVAL_SECONDS: Final = 15.0
_SHORTEST_INTERVAL_SECONDS: Final = 5.0


class Judging:
    """Decides when to judge.

    Args:
        judge: The judge to call.
        engine: The database with the rollups, whose generation increases with each run that ends.
        clock: Seconds that never go back.
    """

    def __init__(
        self, judge: Judge, engine: Engine, clock: Callable[[], float] = monotonic
    ) -> None:
        self._judge = judge
        self._engine = engine
        self._clock = clock
        self._last = -math.inf
        self._generation: int | None = None

    def judge_when_due(self) -> bool:
        """Judge every 15 s, or after 5 s if a run has ended; return whether it judged.

        Raises:
            Exception: Judging failed.
        """
        since = self._clock() - self._last
        if since < _SHORTEST_INTERVAL_SECONDS:
            return False
        generation = self._newest_generation()
        if since < _INTERVAL_SECONDS and generation == self._generation:
            return False
        self._last, self._generation = self._clock(), generation
        self._judge.judge()
        return True

    def _newest_generation(self) -> int | None:
        try:
            return newest_generation(self._engine)
        except EXPECTED_FAILURES:  # the judge itself reports that the database is down
            return self._generation
