"""The quota of an access token: a leaky bucket, how fast it is used, and what is safe.

Sources: https://canvas.instructure.com/doc/api/file.throttling.html and
``app/middleware/request_throttle.rb`` of instructure/canvas-lms. Each token has a bucket. A request
is charged 50 up front, is refused if the bucket is then at or above the high-water mark of 600, and
at its end gets the 50 back and is charged its actual cost. 10 leak out every second.
``X-Rate-Limit-Remaining`` is the distance to the mark. Hosted Canvas reportedly has a mark of 700,
so a higher mark is learned from observed values.
"""

from __future__ import annotations

import math
from collections.abc import Collection
from typing import Final

import msgspec

__all__ = [
    "HIGH_WATER",
    "LEAK_RATE",
    "PACE_SECONDS",
    "PRECHARGE",
    "Bucket",
    "Pace",
    "TokenQuota",
    "TokenReading",
    "quota_of",
    "safe_concurrency",
]

HIGH_WATER: Final = 600.0
LEAK_RATE: Final = 10.0
PRECHARGE: Final = 50.0

PACE_SECONDS: Final = 60.0
"""Age in seconds at which the weight of a call has decayed to 1/e."""
_SHORTEST_SECONDS: Final = 1.0
_A_MOMENT: Final = 0.001
_MARGIN: Final = LEAK_RATE * 1.0
"""What leaks out in one second, the most by which the network may delay one request more than an
earlier one."""


class Pace(msgspec.Struct, frozen=True):
    """How fast a token is used: exponentially weighted sums over its calls.

    Attributes:
        began: When its first call began, in seconds since the epoch; so is ``time``.
        time: When its newest call ended.
        cost: Weighted sum of ``X-Request-Cost``.
        busy: Weighted sum of the calls' durations.
    """

    began: float
    time: float
    cost: float = 0.0
    busy: float = 0.0

    def after(self, time: float, cost: float, duration: float) -> Pace:
        """Return the pace after another call, which ended at ``time``."""
        weight = _weight_after(time - self.time)
        return Pace(
            min(self.began, time - duration),
            max(self.time, time),
            self.cost * weight + cost,
            self.busy * weight + duration,
        )

    @property
    def rates(self) -> tuple[float, float]:
        """Cost per second, and average number of requests in flight.

        The latter is, by Little's law, their durations per second.
        """
        # Seconds that the sums cover; fewer than PACE_SECONDS in the first minutes.
        covered = max(_SHORTEST_SECONDS, self.time - self.began)
        weight = PACE_SECONDS * (1.0 - _weight_after(covered))
        return self.cost / weight, self.busy / weight


class TokenReading(msgspec.Struct, frozen=True):
    """What one process last knew about a token.

    Attributes:
        remaining: ``X-Rate-Limit-Remaining`` of its newest call.
        maximum: The highest that it ever saw.
        seen: When that call ended, in seconds since the epoch.
        cost_per_second: Its pace at that time.
        concurrency: Its average number of requests in flight at that time.
    """

    remaining: float
    maximum: float
    seen: float
    cost_per_second: float
    concurrency: float


class TokenQuota(msgspec.Struct, frozen=True):
    """The current state of a token's quota, over all processes that use it.

    Attributes:
        token: Short hash of the token.
        remaining: Remaining quota, including what has leaked out since the newest call.
        maximum: Remaining quota when the bucket is empty: the high-water mark.
        cost_per_second: How fast it is used.
        concurrency: Requests in flight, on average.
        seconds_until_empty: Time until nothing is left at this pace; None if the bucket leaks at
            least as fast as it is filled.
        safe_concurrency: Number of requests in flight that never fills the bucket.
        seen: When its newest call ended, in seconds since the epoch.
    """

    token: str
    remaining: float
    maximum: float
    cost_per_second: float
    concurrency: float
    seconds_until_empty: float | None
    safe_concurrency: int
    seen: float


class Bucket(msgspec.Struct, frozen=True):
    """A process's model of a token's bucket, from its own requests.

    For the process, a request is in flight a little longer than for Canvas, so the modelled level
    is never lower than Canvas's level from these requests. A response that reports a higher level,
    caused by other processes, raises it.

    Attributes:
        time: Time of this state, in monotonic seconds.
        level: How full it is.
        mark: The high-water mark.
    """

    time: float
    level: float = 0.0
    mark: float = HIGH_WATER

    def at(self, now: float) -> Bucket:
        """Return the bucket at a later time, after some has leaked out."""
        leaked = LEAK_RATE * max(0.0, now - self.time)
        return Bucket(max(self.time, now), max(0.0, self.level - leaked), self.mark)

    def seconds_until_room(self, reserve: float) -> float:
        """Return the seconds that it must leak until another request fits below the mark.

        Args:
            reserve: How much must stay free below the mark.
        """
        missing = self.level + PRECHARGE + _MARGIN - (self.mark - reserve)
        return 0.0 if missing < 0.0 else missing / LEAK_RATE + _A_MOMENT

    def begun(self) -> Bucket:
        """Return the bucket with one more request in flight."""
        return msgspec.structs.replace(self, level=self.level + PRECHARGE)

    def ended(self, cost: float, remaining: float | None, *, throttled: bool) -> Bucket:
        """Return the bucket with one request fewer in flight.

        Args:
            cost: What the request cost.
            remaining: Remaining quota according to the response; None if it did not say.
            throttled: Whether it was refused because the bucket was full.
        """
        level = max(0.0, self.level - PRECHARGE + cost)
        mark = self.mark if remaining is None else max(self.mark, remaining)
        if remaining is not None:
            level = max(level, mark - remaining)
        return msgspec.structs.replace(
            self, level=max(level, mark) if throttled else level, mark=mark
        )


def quota_of(token: str, readings: Collection[TokenReading], now: float) -> TokenQuota:
    """Combine what several processes know about a token; there is at least one.

    Args:
        token: Short hash of the token.
        readings: What each process last knew.
        now: Seconds since the epoch.
    """
    newest = max(readings, key=lambda reading: reading.seen)
    maximum = max(HIGH_WATER, newest.remaining, *(reading.maximum for reading in readings))
    leaked = LEAK_RATE * max(0.0, now - newest.seen)
    remaining = min(maximum, newest.remaining + leaked)
    cost, busy = 0.0, 0.0
    for reading in readings:
        weight = _weight_after(now - reading.seen)
        cost += reading.cost_per_second * weight
        busy += reading.concurrency * weight
    return TokenQuota(
        token=token,
        remaining=remaining,
        maximum=maximum,
        cost_per_second=cost,
        concurrency=busy,
        seconds_until_empty=_seconds_until_empty(remaining, cost),
        safe_concurrency=safe_concurrency(maximum, cost, busy),
        seen=newest.seen,
    )


def safe_concurrency(maximum: float, cost_per_second: float, concurrency: float) -> int:
    """Return how many requests may be in flight permanently.

    Their up-front costs must stay below the mark, and their actual costs must leak out as fast as
    they come in.

    Args:
        maximum: The high-water mark.
        cost_per_second: What the requests cost now.
        concurrency: How many are in flight now, on average.
    """
    by_room = math.ceil(maximum / PRECHARGE) - 1
    if cost_per_second * by_room <= LEAK_RATE * concurrency:
        return max(1, by_room)
    return max(1, math.floor(LEAK_RATE * concurrency / cost_per_second))


def _seconds_until_empty(remaining: float, cost_per_second: float) -> float | None:
    loss = cost_per_second - LEAK_RATE
    return max(0.0, remaining) / loss if loss > 0.0 else None


def _weight_after(seconds: float) -> float:
    """Return the factor by which a weight decays; 1 if the clock went backwards."""
    return math.exp(-max(0.0, seconds) / PACE_SECONDS)
