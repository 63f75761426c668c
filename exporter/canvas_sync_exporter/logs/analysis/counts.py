"""Counting by name with a limit on the number of names."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from typing import Final, TypeVar

__all__ = ["MOST_NAMES", "count", "merge_counts", "most"]

MOST_NAMES: Final = 20_000
"""Number of names that one table distinguishes; the rest is counted as other."""

_Name = TypeVar("_Name", bound=Hashable)


def count(table: dict[_Name, int], name: _Name, other: _Name, by: int = 1) -> None:
    """Count ``name``, or ``other`` if the table is full."""
    known = table.get(name)
    if known is None:
        if len(table) >= MOST_NAMES:
            name = other
        known = table.get(name, 0)
    table[name] = known + by


def merge_counts(table: dict[_Name, int], more: Mapping[_Name, int], other: _Name) -> None:
    """Add one table to another."""
    for name, by in more.items():
        count(table, name, other, by)


def most(table: Mapping[_Name, int], top: int) -> list[tuple[_Name, int]]:
    """Return the most frequent names; equal counts are sorted by name."""
    return sorted(table.items(), key=lambda row: (-row[1], str(row[0])))[:top]
