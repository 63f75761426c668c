"""The leaky bucket by which Canvas throttles each access token.

Source: ``app/middleware/request_throttle.rb`` of instructure/canvas-lms: a request pays a cost up
front, is refused when the bucket then stands at the high-water mark or above, and in the end gets
the up-front cost back and pays what it really took. The bucket holds a little more than the mark,
so that it does not leak below it at once.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

__all__ = ["LeakyBucket", "ThrottleLimits"]


@dataclass(frozen=True, slots=True)
class ThrottleLimits:
    """Canvas's defaults; hosted Canvas is reported to use a maximum of 700.

    Attributes:
        maximum: What the bucket can hold.
        high_water: The level at which it counts as full.
        leak_rate: What leaks out in one second.
        precharge: What a request costs while it is in flight.
    """

    maximum: float = 800.0
    high_water: float = 600.0
    leak_rate: float = 10.0
    precharge: float = 50.0


class LeakyBucket:
    """One token's bucket. Not thread-safe: the caller holds a lock.

    Args:
        limits: Its measures.
        clock: Seconds that never go back.
    """

    def __init__(self, limits: ThrottleLimits, clock: Callable[[], float]) -> None:
        self._limits = limits
        self._clock = clock
        self._level = 0.0
        self._touched = clock()

    @property
    def remaining(self) -> float:
        """What ``X-Rate-Limit-Remaining`` says: room below the mark, negative when above it."""
        return self._limits.high_water - self._level

    def reserve(self) -> bool:
        """Pay the precharge.

        Returns:
            Whether the request may run; a refused one must be refunded too.
        """
        self._add(self._limits.precharge)
        return self._level < self._limits.high_water

    def refund(self, cost: float) -> None:
        """Take the precharge back and pay the real one.

        Args:
            cost: CPU and database seconds of the request; 0 for a refused one.
        """
        self._add(cost - self._limits.precharge)

    def fill_to(self, level: float) -> None:
        """Raise the level, as other requests with the same token would have done."""
        self._add(0.0)
        self._level = min(self._limits.maximum, max(self._level, level))

    def _add(self, amount: float) -> None:
        now = self._clock()
        leaked = self._limits.leak_rate * (now - self._touched)
        self._touched = now
        self._level = max(0.0, self._level - leaked)
        self._level = min(self._limits.maximum, max(0.0, self._level + amount))
