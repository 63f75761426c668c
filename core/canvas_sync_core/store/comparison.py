"""What is odd about a run, beside the last ones of its kind. Pure functions.

The usual value is the median of the last 20 runs, and how far runs usually lie from it is the
median absolute deviation, times 1.4826 as for a normal distribution: one bad night among them
changes neither. A value is far off when it is both

- under half or over twice the usual value, and
- further from it than five such deviations and than a floor, so that small numbers may vary.

With fewer than 5 earlier runs nothing is odd.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median
from typing import Final

__all__ = ["HISTORY_RUNS", "Anomaly", "Measures", "anomalies"]

HISTORY_RUNS: Final = 20
_FEWEST_RUNS: Final = 5
_FACTOR: Final = 2.0
_DEVIATIONS: Final = 5.0
_NORMAL: Final = 1.4826
_ITEM_FLOOR: Final = 10.0
_SECONDS_FLOOR: Final = 10.0


@dataclass(frozen=True, slots=True)
class Measures:
    """What runs are compared by: items handled, and the duration in seconds."""

    items: int
    duration: float


@dataclass(frozen=True, slots=True)
class Anomaly:
    """Something odd about a run.

    Attributes:
        reason: One of :data:`~canvas_sync_core.names.SUSPECT_REASONS`.
        text: The same with numbers.
    """

    reason: str
    text: str


def anomalies(run: Measures, earlier: Sequence[Measures]) -> list[Anomaly]:
    """Tell what is odd about a run.

    Args:
        run: The run.
        earlier: Successful runs of the same kind before it, in any order.
    """
    if len(earlier) < _FEWEST_RUNS:
        return []
    found = []
    items = [each.items for each in earlier]
    if side := _far_off(run.items, items, _ITEM_FLOOR):
        reason = "few_items" if side < 0 else "many_items"
        text = f"{run.items} items where {median(items):g} are usual"
        found.append(Anomaly(reason, f"{reason}: {text}"))
    durations = [each.duration for each in earlier]
    if side := _far_off(run.duration, durations, _SECONDS_FLOOR):
        reason = "fast" if side < 0 else "slow"
        text = f"{run.duration:.1f} s where {median(durations):.1f} s are usual"
        found.append(Anomaly(reason, f"{reason}: {text}"))
    return found


def _far_off(value: float, usual: Sequence[float], floor: float) -> int:
    """Tell whether a value is far below (-1) or above (1) what is usual, or neither (0)."""
    middle = median(usual)
    deviation = _NORMAL * median(abs(each - middle) for each in usual)
    if abs(value - middle) <= max(_DEVIATIONS * deviation, floor):
        return 0
    if value * _FACTOR < middle:
        return -1
    return 1 if value > middle * _FACTOR else 0
