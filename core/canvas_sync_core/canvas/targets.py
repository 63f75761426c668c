"""What the URL of a request says, apart from its query.

An app asks for the same URLs again and again, so what follows from one is kept. The query is left
out because it may contain a token, and because it differs from one page of a list to the next.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Final
from urllib.parse import SplitResult

import msgspec

from .graphql import is_graphql_path
from .hosts import host_of
from .paging import PageAddress, address_of
from .routes import match_route

__all__ = ["Target", "target_of"]

_MOST: Final = 1024
_LONGEST: Final = 512
"""Characters of a URL that is kept: with all of them, less than a megabyte."""


class Target(msgspec.Struct, frozen=True, gc=False):
    """What is requested.

    Attributes:
        host: The host, without credentials.
        route: Route template, or ``other``.
        path: The sanitized path.
        is_graphql: Whether it is the GraphQL API.
        first_page: The address of a request for it without a query.
    """

    host: str
    route: str
    path: str
    is_graphql: bool
    first_page: PageAddress


def target_of(url: SplitResult) -> Target:
    """Return what a URL says, apart from its query."""
    find = _known if len(url.netloc) + len(url.path) <= _LONGEST else _found
    return find(url.scheme, url.netloc.rpartition("@")[2], url.path)  # no password is kept


def _found(scheme: str, netloc: str, path: str) -> Target:
    url = SplitResult(scheme, netloc, path, "", "")
    match = match_route(path)
    return Target(
        host=host_of(url),
        route=match.route,
        path=match.path,
        is_graphql=is_graphql_path(path),
        first_page=address_of(url),
    )


_known: Final = lru_cache(maxsize=_MOST)(_found)
