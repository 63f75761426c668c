"""Sets of times, as ranges in order that do not overlap."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

__all__ = ["TimeRange", "intersection", "subtraction", "union"]

TimeRange = tuple[datetime, datetime]


def union(ranges: Iterable[TimeRange]) -> list[TimeRange]:
    """Return the times that are in any range."""
    merged: list[TimeRange] = []
    for start, end in sorted(ranges):
        if merged and start <= merged[-1][1]:
            merged[-1] = merged[-1][0], max(merged[-1][1], end)
        elif start < end:
            merged.append((start, end))
    return merged


def intersection(first: Iterable[TimeRange], second: Iterable[TimeRange]) -> list[TimeRange]:
    """Return the times that are in both sets."""
    others = list(second)
    overlaps = (
        (max(start, opening), min(end, closing))
        for start, end in first
        for opening, closing in others
    )
    return [each for each in overlaps if each[0] < each[1]]


def subtraction(first: Iterable[TimeRange], second: Iterable[TimeRange]) -> list[TimeRange]:
    """Return the times that are in the first set but not in the second."""
    rest = list(first)
    for opening, closing in second:
        rest = [
            part
            for start, end in rest
            for part in ((start, min(end, opening)), (max(start, closing), end))
            if part[0] < part[1]
        ]
    return rest
