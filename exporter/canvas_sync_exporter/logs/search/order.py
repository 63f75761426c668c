"""The two directions of a search."""

from __future__ import annotations

from enum import StrEnum

__all__ = ["Order"]


class Order(StrEnum):
    """Which lines come first."""

    NEWEST = "newest"
    OLDEST = "oldest"
