"""What we know of Canvas: routes, throttling, error classes, paging, and what must not be recorded.

Pure functions: nothing here opens a file, a socket or a third-party package.
"""

from __future__ import annotations

from .failures import error_class
from .paging import parse_link_header
from .redaction import error_info, redact
from .responses import ResponseFacts, classify
from .routes import RouteMatch, is_canvas_path, match_route, route_of, sanitized_path

__all__ = [
    "ResponseFacts",
    "RouteMatch",
    "classify",
    "error_class",
    "error_info",
    "is_canvas_path",
    "match_route",
    "parse_link_header",
    "redact",
    "route_of",
    "sanitized_path",
]
