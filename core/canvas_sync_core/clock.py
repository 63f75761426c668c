"""Clocks: the system's, or a test's."""

from __future__ import annotations

import functools
import time
from collections.abc import Callable
from typing import Final, Protocol

from .asynchronous import raise_if_asynchronous

__all__ = ["Clock", "SystemClock", "monotonic"]

_time: Final = time.time
_clock_gettime: Final = time.clock_gettime
# Looked up once, so that replacements by an app's tests do not affect us.

_EARLIEST: Final = 0.0
_LATEST: Final = 253_402_300_799.0
"""The end of the year 9999, the last one that datetime knows."""


monotonic: Final[Callable[[], float]] = functools.partial(_clock_gettime, time.CLOCK_MONOTONIC)
"""Returns monotonic seconds, for deadlines and durations.

This is the system's clock even if an app's tests freeze :mod:`time`, as freezegun does: a wait with
a frozen clock would never end.
"""


class Clock(Protocol):
    """A clock."""

    def time(self) -> float:
        """Seconds since the Unix epoch."""

    def monotonic(self) -> float:
        """Return monotonic seconds, for durations."""


class SystemClock:
    """The system's clocks. They never raise, and return times that a row can store."""

    def time(self) -> float:
        """Seconds since the Unix epoch."""
        try:
            now = _time()
        except Exception as error:  # noqa: BLE001 - replaced before it was looked up
            raise_if_asynchronous(error)
            return _real_time()
        return now if type(now) is float and _EARLIEST <= now <= _LATEST else _real_time()

    monotonic = staticmethod(monotonic)


def _real_time() -> float:
    return _clock_gettime(time.CLOCK_REALTIME)
