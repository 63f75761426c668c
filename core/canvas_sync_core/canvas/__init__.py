"""What we know of Canvas: routes, throttling, error classes, paging, and what must not be recorded.

Pure functions: nothing here opens a file, a socket or a third-party package.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from canvas_sync_core.lazy import lazy_exports

if TYPE_CHECKING:
    from .failures import error_class
    from .paging import parse_link_header
    from .redaction import redact
    from .responses import ResponseFacts, classify
    from .routes import (
        RouteMatch,
        is_canvas_path,
        match_route,
        route_of,
        sanitized_path,
    )

__all__ = [
    "ResponseFacts",
    "RouteMatch",
    "classify",
    "error_class",
    "is_canvas_path",
    "match_route",
    "parse_link_header",
    "redact",
    "route_of",
    "sanitized_path",
]

_HOMES: Final = {
    "ResponseFacts": "canvas_sync_core.canvas.responses",
    "RouteMatch": "canvas_sync_core.canvas.routes",
    "classify": "canvas_sync_core.canvas.responses",
    "error_class": "canvas_sync_core.canvas.failures",
    "is_canvas_path": "canvas_sync_core.canvas.routes",
    "match_route": "canvas_sync_core.canvas.routes",
    "parse_link_header": "canvas_sync_core.canvas.paging",
    "redact": "canvas_sync_core.canvas.redaction",
    "route_of": "canvas_sync_core.canvas.routes",
    "sanitized_path": "canvas_sync_core.canvas.routes",
}

__getattr__ = lazy_exports(__name__, _HOMES)
