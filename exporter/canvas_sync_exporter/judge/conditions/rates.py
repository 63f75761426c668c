"""Whether a share or a mean of the newest round is far higher than usual for its sync type.

This needs no minimum amount of traffic: 4 failures in 36 calls are judged as reliably as 4,000 in
36,000, because each is compared with the number expected by chance.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from statistics import median
from typing import Final

from canvas_sync_exporter.judge.facts import Facts, SyncFacts
from canvas_sync_exporter.judge.rounds import Round
from canvas_sync_exporter.judge.timing import counted_rounds, is_frequent

__all__ = ["has_high_mean", "has_high_share", "is_high_share"]

Amount = Callable[[Round], float]

_FEWEST_COUNTED: Final = 3
"""A mean of fewer calls or operations is not judged."""
_FEWEST_FAILURES: Final = 4
"""Fewer failures are never a high share, however few calls there were."""
_LEAST_SHARE: Final = 0.05
"""A smaller share is never a high one, however many calls there were."""
_CHANCE_SHARE: Final = 0.005
"""Share of calls or operations that fail by chance, even if none has failed so far."""
_DEVIATIONS: Final = 8.0
"""Standard deviations above the expected number.

Many, because such numbers are skewed and a busy sync type has thousands of runs a year.
"""
_CERTAIN_SHARE: Final = 0.5
"""With this share of failures, and as many as below, a frequent sync gets no second chance."""
_CERTAIN_COUNT: Final = 5
"""With fewer failures, a frequent sync always gets a second chance."""
_TIMES_USUAL: Final = 3.0
"""A mean below this multiple of the usual one is never high."""
_FEWEST_ROUNDS: Final = 3
"""Fewer earlier rounds do not show what is usual; for means, one large round does."""
_LARGE_ROUND: Final = 20
"""A single earlier round with this many runs is enough to know what is usual."""
_MOST_ROUNDS: Final = 20
"""Earlier rounds whose median is the usual share or mean."""


def is_high_share(part: float, whole: float, usual: float = 0.0) -> bool:
    """Return whether ``part`` of ``whole`` is far above chance and above the usual share."""
    expected = whole * max(_CHANCE_SHARE, usual)
    return (
        part >= _FEWEST_FAILURES
        and part >= whole * _LEAST_SHARE
        and part >= expected + _DEVIATIONS * math.sqrt(expected)
    )


def has_high_share(facts: Facts, sync: SyncFacts, part: Amount, whole: Amount) -> bool:
    """Return whether ``part`` of ``whole`` in the newest round is far above the usual share.

    A sync that runs every few minutes gets a second chance, unless most of many calls failed.
    """
    rounds = counted_rounds(facts, sync)
    if not rounds or not _is_high(rounds, part, whole):
        return False
    count = part(rounds[0])
    is_certain = count >= _CERTAIN_COUNT and count >= whole(rounds[0]) * _CERTAIN_SHARE
    if is_certain or not is_frequent(sync):
        return True
    return len(rounds) > 1 and _is_high(rounds[1:], part, whole)


def has_high_mean(
    facts: Facts, sync: SyncFacts, total: Amount, count: Amount, floor: float
) -> bool:
    """Return whether the mean in the newest round is three times the usual one and above a floor.

    Args:
        facts: Everything known.
        sync: The sync type.
        total: Returns the sum of a round, in seconds.
        count: Returns the number of items in that sum.
        floor: Minimum difference from the usual mean, in seconds.
    """
    rounds = counted_rounds(facts, sync)
    needed = 2 if is_frequent(sync) else 1
    newest = rounds[:needed]
    if len(newest) < needed or any(
        count(each) < _FEWEST_COUNTED or total(each) < count(each) * floor for each in newest
    ):
        return False
    usual = [
        total(each) / count(each) for each in rounds[needed : _MOST_ROUNDS + needed] if count(each)
    ]
    is_known = len(usual) >= _FEWEST_ROUNDS or (
        len(usual) == 1 and len(rounds[needed].results) >= _LARGE_ROUND
    )
    if not is_known:
        return False
    middle = median(usual)
    limit = max(_TIMES_USUAL * middle, middle + floor)
    return all(total(each) / count(each) >= limit for each in newest)


def _is_high(rounds: Sequence[Round], part: Amount, whole: Amount) -> bool:
    newest = part(rounds[0]), whole(rounds[0])
    if not is_high_share(*newest):  # even if such shares are unheard of
        return False
    earlier = [part(each) / whole(each) for each in rounds[1 : _MOST_ROUNDS + 1] if whole(each) > 0]
    usual = median(earlier) if len(earlier) >= _FEWEST_ROUNDS else 0.0
    return is_high_share(*newest, usual)
