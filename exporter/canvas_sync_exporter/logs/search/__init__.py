"""Searches the five logs, wherever their lines are."""

from __future__ import annotations

from .context import LineContext, line_context
from .exclusions import Exclusions
from .facets import FACETS, FacetCounter, Facets, count_facets
from .filters import PATTERN_LIMIT, LineFilter, compile_pattern
from .line_positions import (
    BadPositionError,
    LineGoneError,
    LineNotFoundError,
    LinePosition,
    locate,
)
from .matching import FoundLine, Matcher, Place, SearchNotes
from .order import Order
from .positions import (
    HEAD_BYTES,
    NOWHERE,
    BadCursorError,
    Head,
    Position,
    decode_cursor,
    encode_cursor,
    head_of,
)
from .search import LogSearch

__all__ = [
    "FACETS",
    "HEAD_BYTES",
    "NOWHERE",
    "PATTERN_LIMIT",
    "BadCursorError",
    "BadPositionError",
    "Exclusions",
    "FacetCounter",
    "Facets",
    "FoundLine",
    "Head",
    "LineContext",
    "LineFilter",
    "LineGoneError",
    "LineNotFoundError",
    "LinePosition",
    "LogSearch",
    "Matcher",
    "Order",
    "Place",
    "Position",
    "SearchNotes",
    "compile_pattern",
    "count_facets",
    "decode_cursor",
    "encode_cursor",
    "head_of",
    "line_context",
    "locate",
]
