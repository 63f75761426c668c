"""Sets of times, as spans that do not overlap, in order."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

__all__ = ["Span", "intersection", "subtraction", "union"]

Span = tuple[datetime, datetime]


def union(spans: Iterable[Span]) -> list[Span]:
    """Return the times that are in any span."""
    found: list[Span] = []
    for start, end in sorted(spans):
        if found and start <= found[-1][1]:
            found[-1] = found[-1][0], max(found[-1][1], end)
        elif start < end:
            found.append((start, end))
    return found


def intersection(first: Iterable[Span], second: Iterable[Span]) -> list[Span]:
    """Return the times that are in both sets."""
    others = list(second)
    found = (
        (max(start, opening), min(end, closing))
        for start, end in first
        for opening, closing in others
    )
    return [span for span in found if span[0] < span[1]]


def subtraction(first: Iterable[Span], second: Iterable[Span]) -> list[Span]:
    """Return the times that are in the first set alone."""
    rest = list(first)
    for opening, closing in second:
        rest = [
            part
            for start, end in rest
            for part in ((start, min(end, opening)), (max(start, closing), end))
            if part[0] < part[1]
        ]
    return rest
