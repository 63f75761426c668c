"""Where the time comes from: the system, or a test."""

from __future__ import annotations

import time
from typing import Final, Protocol

from .asynchronous import raise_if_asynchronous

__all__ = ["Clock", "SystemClock", "monotonic"]

_time: Final = time.time
_clock_gettime: Final = time.clock_gettime
# Looked up once: what an app's tests put in their place is theirs, and made for their own calls.

_EARLIEST: Final = 0.0
_LATEST: Final = 253_402_300_799.0
"""The end of the year 9999, the last one that datetime knows."""


def monotonic() -> float:
    """Give seconds that never go back, for deadlines and durations.

    It is the system's clock also where an app's tests let :mod:`time` stand still, as freezegun
    does: a wait by that one would never end.
    """
    return _clock_gettime(time.CLOCK_MONOTONIC)


class Clock(Protocol):
    """Tells the time."""

    def time(self) -> float:
        """Seconds since the Unix epoch."""

    def monotonic(self) -> float:
        """Seconds that never go back, for durations."""


class SystemClock:
    """The system's clocks. They never raise, and tell a time that a row can hold."""

    def time(self) -> float:
        """Seconds since the Unix epoch."""
        try:
            now = _time()
        except Exception as error:  # noqa: BLE001 - replaced before it was looked up
            raise_if_asynchronous(error)
            return _real_time()
        return now if type(now) is float and _EARLIEST <= now <= _LATEST else _real_time()

    def monotonic(self) -> float:
        """Seconds that never go back, for durations."""
        return monotonic()


def _real_time() -> float:
    return _clock_gettime(time.CLOCK_REALTIME)
