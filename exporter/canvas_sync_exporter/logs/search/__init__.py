"""Searches the five logs, newest line first, wherever their lines are."""

from __future__ import annotations

from .filters import PATTERN_LIMIT, LineFilter, compile_pattern
from .matching import FoundLine, Matcher, Place, SearchNotes
from .positions import BadCursorError
from .search import LogSearch

__all__ = [
    "PATTERN_LIMIT",
    "BadCursorError",
    "FoundLine",
    "LineFilter",
    "LogSearch",
    "Matcher",
    "Place",
    "SearchNotes",
    "compile_pattern",
]
