"""A clock that only the test advances."""

from __future__ import annotations

from datetime import datetime, timedelta

__all__ = ["SimulatedClock"]


class SimulatedClock:
    """Returns the same time until it is advanced.

    Args:
        now: The time at the start.
    """

    def __init__(self, now: datetime) -> None:
        self.now = now

    def __call__(self) -> datetime:
        """Return the time."""
        return self.now

    def advance(self, **length: float) -> None:
        """Let time pass; arguments as for :class:`~datetime.timedelta`."""
        self.now += timedelta(**length)
