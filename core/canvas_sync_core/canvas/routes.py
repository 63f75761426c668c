"""Maps the path of a request to a documented Canvas route, and to a path that is safe to record.

The number of routes is bounded, so a route may be a label. A sanitized path keeps numbers, so that
a log line can be followed up in Canvas, and nothing else that the caller chose.
"""

from __future__ import annotations

import re
from functools import cache, lru_cache
from typing import Final
from urllib.parse import unquote

import msgspec

from canvas_sync_core.names import OTHER

from ._route_table import groups, joined, templates

__all__ = [
    "RouteMatch",
    "counts_on_canvas_host",
    "is_canvas_path",
    "is_known_route",
    "match_route",
    "route_of",
    "sanitized_path",
]

_APIS: Final = frozenset({"v1", "quiz", "lti", "sis", "graphql"})
"""What follows ``/api/``."""
_OUTSIDE_API: Final = frozenset({"assignments", "courses", "files", "groups", "login", "users"})
"""Prefixes of the routes outside ``/api/``."""
_OAUTH_PATH: Final = ["login", "oauth2", "token"]
_FORMAT: Final = ".json"
"""May follow any route of the API (``lib/api_route_set.rb`` of instructure/canvas-lms)."""
_ID: Final = re.compile(r"[0-9]{1,19}|[0-9]{1,6}~[0-9]{1,13}")
"""A Canvas id, or one of another shard (``shard~id``); shorter than any access token."""
_LONGEST_PATH: Final = 16
"""Segments of a sanitized path whose route is unknown."""


class RouteMatch(msgspec.Struct, frozen=True):
    """The route and the sanitized form of a path.

    Attributes:
        route: Route template, or ``other``.
        path: The sanitized path.
    """

    route: str
    path: str


class _Node(msgspec.Struct):
    """One segment of the tree of routes."""

    words: dict[str, _Node] | None = None
    parameter: _Node | None = None
    rest: str | None = None
    route: str | None = None


def route_of(path: str) -> str:
    """Return the Canvas route template of ``path``.

    Args:
        path: The path of a URL, such as ``/api/v1/courses/7/assignments``. Ids may be numbers,
            ``self``, or SIS and LTI ids (``sis_course_id:...``). A query string, doubled slashes,
            ``.json`` at the end, and a prefix below which Canvas is served are ignored.

    Returns:
        Such as ``/api/v1/courses/:course_id/assignments``; ``other`` when Canvas documents no such
        route.
    """
    return match_route(path).route


def sanitized_path(path: str) -> str:
    """Return ``path`` without a query string and without any identifier that is not a number.

    Other identifiers become their placeholder (``:course_id``). In a path that Canvas does not
    document, whatever is neither a number nor a word of a Canvas route becomes ``:id``. A prefix
    below which Canvas is served is left out.
    """
    return match_route(path).path


@lru_cache(maxsize=4096)
def is_canvas_path(path: str) -> bool:
    """Return whether ``path`` alone shows that a request goes to the Canvas API."""
    if "/api/" not in path and "/login/" not in path:
        return False
    segments = _segments(path)
    return _is_api(segments[:2]) or segments == _OAUTH_PATH


def counts_on_canvas_host(path: str) -> bool:
    """Return whether ``path`` counts as an API call on a host that is known to be Canvas.

    On such a host, every API path counts, below any prefix, and so do the routes that the table
    lists outside ``/api/``: OAuth and the contents of files.
    """
    return "api" in _segments(path) or match_route(path).route != OTHER


@lru_cache(maxsize=4096)
def match_route(path: str) -> RouteMatch:
    """Return both the route and the sanitized form of ``path``."""
    segments = _below_prefix(_segments(path))
    route = _find(_tree(), segments, 0)
    if route is None:
        return RouteMatch(OTHER, _safe_words(segments))
    return RouteMatch(route, _fill(route, segments))


@cache
def _known_routes() -> frozenset[str]:
    return frozenset(templates())


def is_known_route(route: str) -> bool:
    """Return whether ``route`` is a template of the table."""
    return route in _known_routes()


def _segments(path: str) -> list[str]:
    bare = path.partition("?")[0].partition("#")[0]
    segments = [segment for segment in bare.split("/") if segment]
    if "%" in bare:  # after the split: an escaped slash belongs to an identifier
        segments = [unquote(segment) for segment in segments]
    if segments and segments[-1].endswith(_FORMAT):
        segments[-1] = segments[-1].removesuffix(_FORMAT)
    return segments


def _is_api(segments: list[str]) -> bool:
    return len(segments) > 1 and segments[0] == "api" and segments[1] in _APIS


def _below_prefix(segments: list[str]) -> list[str]:
    """Remove the prefix below which Canvas is served."""
    if len(segments) < 2 or (segments[0] == "api" and segments[1] in _APIS):
        return segments
    starts = range(1, len(segments))
    for start in starts:
        if _is_api(segments[start : start + 2]):
            return segments[start:]
    if segments[0] not in _OUTSIDE_API:
        for start in starts:
            if segments[start] in _OUTSIDE_API and _find(_tree(), segments[start:], 0):
                return segments[start:]
    return segments


def _find(node: _Node, segments: list[str], index: int) -> str | None:
    if index == len(segments):
        return node.route
    word = node.words.get(segments[index]) if node.words else None
    found = _find(word, segments, index + 1) if word else None
    if found is None and node.parameter:
        found = _find(node.parameter, segments, index + 1)
    return found or node.rest


def _fill(route: str, segments: list[str]) -> str:
    """Replace the placeholders of ``route`` by those segments of the path that may be recorded."""
    return "/" + "/".join(map(_keep_id, route[1:].split("/"), segments))


def _keep_id(name: str, segment: str) -> str:
    if name.startswith(":") and name.endswith("id") and _is_public(segment):
        return segment
    return name


def _is_public(segment: str) -> bool:
    return segment == "self" or _ID.fullmatch(segment) is not None


def _safe_words(segments: list[str]) -> str:
    known = _known_words()
    safe = (
        segment if segment in known or _is_public(segment) else ":id"
        for segment in segments[:_LONGEST_PATH]
    )
    return "/" + "/".join(safe)


@cache
def _known_words() -> frozenset[str]:
    return frozenset(
        word for route in templates() for word in route.split("/") if word[:1] not in {":", "*"}
    )


@cache
def _tree() -> _Node:
    root = _Node()
    for prefix, suffixes in groups():
        base = root
        for segment in prefix[1:].split("/"):
            base = _child(base, segment)
        for suffix in suffixes:
            _add(base, suffix, joined(prefix, suffix))
    return root


def _add(node: _Node, suffix: str, route: str) -> None:
    if suffix != ".":
        for segment in suffix.split("/"):
            if segment.startswith("*"):
                node.rest = route
                return
            node = _child(node, segment)
    # Where two names exist for one place, the first of the table is kept.
    node.route = node.route or route


def _child(node: _Node, segment: str) -> _Node:
    if not segment.startswith(":"):
        if node.words is None:
            node.words = {}
        word = node.words.get(segment)
        if word is None:
            word = node.words[segment] = _Node()
        return word
    if node.parameter is None:
        node.parameter = _Node()
    return node.parameter
