"""Counting by name, when nobody knows how many names there are."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from typing import Final, TypeVar

__all__ = ["MOST_NAMES", "count", "merge_counts", "most"]

MOST_NAMES: Final = 20_000
"""How many names one table counts by themselves; the rest is not told apart."""

_Name = TypeVar("_Name", bound=Hashable)


def count(table: dict[_Name, int], name: _Name, other: _Name, by: int = 1) -> None:
    """Count ``name``, or ``other`` when the table is full of other names."""
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
    """List the names counted most, equal ones by name."""
    return sorted(table.items(), key=lambda row: (-row[1], str(row[0])))[:top]
