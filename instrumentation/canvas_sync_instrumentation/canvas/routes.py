"""From the path of a request to the route that Canvas documents, and to a path safe to record.

A route is bounded and may be a label; a sanitized path keeps numbers, so that a log line can be
followed up in Canvas, and nothing else that the caller chose.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from functools import cache, lru_cache
from typing import Final

from canvas_sync_instrumentation.names import OTHER

from ._route_table import templates

__all__ = ["RouteMatch", "is_canvas_path", "match_route", "route_of", "sanitized_path"]

_CANVAS_PREFIXES: Final = ("/api/v1/", "/api/quiz/v1/", "/api/lti/", "/api/graphql")
_OAUTH_PATH: Final = "/login/oauth2/token"
_ID: Final = re.compile(r"[0-9]{1,19}|[0-9]{1,6}~[0-9]{1,13}")
"""A Canvas id, or one of another shard (``shard~id``); shorter than any access token."""
_LONGEST_PATH: Final = 16
"""Segments of a sanitized path whose route is unknown."""


@dataclass(frozen=True, slots=True)
class RouteMatch:
    """What is known of a path.

    Attributes:
        route: Route template, or ``other``.
        path: The sanitized path.
    """

    route: str
    path: str


@dataclass(slots=True)
class _Node:
    """One segment of the tree of routes."""

    words: dict[str, _Node] = field(default_factory=dict)
    parameter: _Node | None = None
    rest: str | None = None
    route: str | None = None


def route_of(path: str) -> str:
    """Return the Canvas route template of ``path``.

    Args:
        path: The path of a URL, such as ``/api/v1/courses/7/assignments``. Ids may be numbers,
            ``self``, or SIS and LTI ids (``sis_course_id:...``). A query string is ignored.

    Returns:
        Such as ``/api/v1/courses/:course_id/assignments``; ``other`` when Canvas documents no such
        route.
    """
    return match_route(path).route


def sanitized_path(path: str) -> str:
    """Return ``path`` without a query string and without any identifier that is not a number.

    Other identifiers become their placeholder (``:course_id``). In a path that Canvas does not
    document, whatever is neither a number nor a word of a Canvas route becomes ``:id``.
    """
    return match_route(path).path


def is_canvas_path(path: str) -> bool:
    """Tell whether ``path`` looks like one of the Canvas API."""
    return path.startswith(_CANVAS_PREFIXES) or path.rstrip("/") == _OAUTH_PATH


@lru_cache(maxsize=4096)
def match_route(path: str) -> RouteMatch:
    """Return both the route and the sanitized form of ``path``."""
    bare = path.partition("?")[0].partition("#")[0]
    segments = [segment for segment in bare.split("/") if segment]
    route = _find(_tree(), segments, 0)
    if route is None:
        return RouteMatch(OTHER, _safe_words(segments))
    return RouteMatch(route, _fill(route, segments))


def _find(node: _Node, segments: list[str], index: int) -> str | None:
    if index == len(segments):
        return node.route
    word = node.words.get(segments[index])
    found = _find(word, segments, index + 1) if word else None
    if found is None and node.parameter:
        found = _find(node.parameter, segments, index + 1)
    return found or node.rest


def _fill(route: str, segments: list[str]) -> str:
    """Put those segments back into ``route`` that may be recorded."""
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
    for route in templates():
        node = root
        for segment in route[1:].split("/"):
            if segment.startswith("*"):
                node.rest = route
                break
            node = _child(node, segment)
        else:
            # Where two names exist for one place, the first of the table is kept.
            node.route = node.route or route
    return root


def _child(node: _Node, segment: str) -> _Node:
    if not segment.startswith(":"):
        return node.words.setdefault(segment, _Node())
    if node.parameter is None:
        node.parameter = _Node()
    return node.parameter
