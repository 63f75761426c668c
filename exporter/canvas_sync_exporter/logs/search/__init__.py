"""Searches the five logs, wherever their lines are."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from canvas_sync_core.lazy import lazy_exports

if TYPE_CHECKING:
    from .context import (
        LineContext as LineContext,
        line_context as line_context,
    )
    from .exclusions import Exclusions as Exclusions
    from .facets import (
        FACETS as FACETS,
        FacetCounter as FacetCounter,
        Facets as Facets,
        count_facets as count_facets,
    )
    from .filters import (
        PATTERN_LIMIT as PATTERN_LIMIT,
        LineFilter as LineFilter,
        compile_pattern as compile_pattern,
    )
    from .line_positions import (
        BadPositionError as BadPositionError,
        LineGoneError as LineGoneError,
        LineNotFoundError as LineNotFoundError,
        LinePosition as LinePosition,
        locate as locate,
    )
    from .matching import (
        FoundLine as FoundLine,
        Matcher as Matcher,
        Place as Place,
        SearchNotes as SearchNotes,
    )
    from .order import Order as Order
    from .positions import (
        HEAD_BYTES as HEAD_BYTES,
        NOWHERE as NOWHERE,
        BadCursorError as BadCursorError,
        Head as Head,
        Position as Position,
        decode_cursor as decode_cursor,
        encode_cursor as encode_cursor,
        head_of as head_of,
    )
    from .search import LogSearch as LogSearch

_EXPORTS: Final = {
    "canvas_sync_exporter.logs.search.context": ("LineContext", "line_context"),
    "canvas_sync_exporter.logs.search.exclusions": ("Exclusions",),
    "canvas_sync_exporter.logs.search.facets": ("FACETS", "FacetCounter", "Facets", "count_facets"),
    "canvas_sync_exporter.logs.search.filters": ("PATTERN_LIMIT", "LineFilter", "compile_pattern"),
    "canvas_sync_exporter.logs.search.line_positions": (
        "BadPositionError",
        "LineGoneError",
        "LineNotFoundError",
        "LinePosition",
        "locate",
    ),
    "canvas_sync_exporter.logs.search.matching": ("FoundLine", "Matcher", "Place", "SearchNotes"),
    "canvas_sync_exporter.logs.search.order": ("Order",),
    "canvas_sync_exporter.logs.search.positions": (
        "HEAD_BYTES",
        "NOWHERE",
        "BadCursorError",
        "Head",
        "Position",
        "decode_cursor",
        "encode_cursor",
        "head_of",
    ),
    "canvas_sync_exporter.logs.search.search": ("LogSearch",),
}

__all__ = [name for names in _EXPORTS.values() for name in names]
__getattr__ = lazy_exports(__name__, _EXPORTS)
