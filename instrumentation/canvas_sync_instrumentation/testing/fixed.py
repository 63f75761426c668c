"""A clock and ids that are the same in every execution of a test."""

from __future__ import annotations

import itertools

from opentelemetry.sdk.trace.id_generator import IdGenerator

__all__ = ["CountingIds", "FixedClock"]


class FixedClock:
    """A clock that only moves when advanced.

    Args:
        time: Seconds since the Unix epoch at which it starts; 2026-01-01 00:00 UTC by default.
    """

    def __init__(self, time: float = 1_767_225_600.0) -> None:
        self._time = time

    def time(self) -> float:
        """Seconds since the Unix epoch."""
        return self._time

    def monotonic(self) -> float:
        """Return monotonic seconds."""
        return self._time

    def advance(self, seconds: float) -> None:
        """Advance the clock by ``seconds``."""
        self._time += seconds


class CountingIds(IdGenerator):
    """Numbers traces and spans 1, 2, 3, in the order in which they start."""

    def __init__(self) -> None:
        self._traces = itertools.count(1)
        self._spans = itertools.count(1)

    def generate_trace_id(self) -> int:
        """The next number of a trace."""
        return next(self._traces)

    def generate_span_id(self) -> int:
        """The next number of a span."""
        return next(self._spans)
