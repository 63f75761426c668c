"""The slow end of times that were measured one by one."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

__all__ = ["p99", "p99_of"]


def p99(values: Sequence[float]) -> float:
    """Return the 99th percentile by nearest rank: of fewer than a hundred values, the largest."""
    return sorted(values)[-(len(values) // 100) - 1]


def p99_of(operation: Callable[[], object], times: int) -> float:
    """Return the 99th percentile of the seconds that an operation takes."""
    taken = []
    for _ in range(times):
        began = time.perf_counter()
        operation()
        taken.append(time.perf_counter() - began)
    return p99(taken)
