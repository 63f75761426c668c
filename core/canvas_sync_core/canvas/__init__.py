"""What we know of Canvas: routes, throttling, error classes, paging, and what must not be recorded.

Pure functions: nothing here opens a file, a socket or a third-party package.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from canvas_sync_core.lazy import lazy_exports

if TYPE_CHECKING:
    from .failures import error_class as error_class
    from .paging import parse_link_header as parse_link_header
    from .redaction import redact as redact
    from .responses import (
        ResponseFacts as ResponseFacts,
        classify as classify,
    )
    from .routes import (
        RouteMatch as RouteMatch,
        is_canvas_path as is_canvas_path,
        match_route as match_route,
        route_of as route_of,
        sanitized_path as sanitized_path,
    )

_EXPORTS: Final = {
    "canvas_sync_core.canvas.failures": ("error_class",),
    "canvas_sync_core.canvas.paging": ("parse_link_header",),
    "canvas_sync_core.canvas.redaction": ("redact",),
    "canvas_sync_core.canvas.responses": ("ResponseFacts", "classify"),
    "canvas_sync_core.canvas.routes": (
        "RouteMatch",
        "is_canvas_path",
        "match_route",
        "route_of",
        "sanitized_path",
    ),
}

__all__ = [name for names in _EXPORTS.values() for name in names]
__getattr__ = lazy_exports(__name__, _EXPORTS)
