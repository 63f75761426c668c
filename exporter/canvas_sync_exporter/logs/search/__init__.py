"""Searches the five logs, wherever their lines are."""

from __future__ import annotations

from .exclusions import Exclusions
from .filters import PATTERN_LIMIT, LineFilter, compile_pattern
from .matching import FoundLine, Matcher, Place, SearchNotes
from .order import Order
from .positions import BadCursorError
from .search import LogSearch

__all__ = [
    "PATTERN_LIMIT",
    "BadCursorError",
    "Exclusions",
    "FoundLine",
    "LineFilter",
    "LogSearch",
    "Matcher",
    "Order",
    "Place",
    "SearchNotes",
    "compile_pattern",
]
