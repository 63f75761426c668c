"""The ``Link`` header, by which Canvas pages its lists.

Sources: RFC 8288, section 3, and https://canvas.instructure.com/doc/api/file.pagination.html: the
relations are ``current``, ``next``, ``prev``, ``first`` and ``last``, of which ``last`` may be
missing; the URLs are opaque. Canvas leaves ``access_token`` out of them and puts its own ``page``
and ``per_page`` in (``lib/api.rb`` of instructure/canvas-lms); the first page has no ``page``, or
``1``, or ``first``.
"""

from __future__ import annotations

from typing import Final
from urllib.parse import SplitResult, unquote_plus, urljoin, urlsplit

import msgspec

from canvas_sync_core.asynchronous import raise_if_asynchronous
from canvas_sync_core.patterns import late_pattern

from .hosts import host_of

__all__ = [
    "FIRST_PAGE",
    "PAGE_RELATIONS",
    "PageAddress",
    "address_of",
    "next_address",
    "parse_link_header",
]

PAGE_RELATIONS: Final = frozenset({"current", "next", "prev", "first", "last"})

FIRST_PAGE: Final = 0
_FIRST: Final = frozenset({"", "1", "first"})
_SECRETS: Final = ("access_token=", "api_key=")
_PAGE: Final = "page="
_SLASHES: Final = late_pattern("//+")

_NAME: Final = r"[!#$%&'*+.^_`|~0-9A-Za-z-]*"
_QUOTED: Final = r'"(?:[^"\\]|\\.)*"'
_BARE: Final = r'[^\s;,"]*'
_LINK: Final = late_pattern(rf"<([^<>]*)>((?:\s*;\s*{_NAME}(?:\s*=\s*(?:{_QUOTED}|{_BARE}))?)*)")
_PARAMETER: Final = late_pattern(rf";\s*({_NAME})(?:\s*=\s*({_QUOTED}|{_BARE}))?")
_ESCAPED: Final = late_pattern(r"\\(.)")


class PageAddress(msgspec.Struct, frozen=True, gc=False):
    """A list and one of its pages, as digests, because a URL may contain secrets.

    Attributes:
        list_key: Identifies the list: host, path, and the parameters for its items and page size.
        page: Identifies the page by the parameter ``page``; :data:`FIRST_PAGE` for the first one.
    """

    list_key: int
    page: int


def address_of(url: SplitResult) -> PageAddress:
    """Return the address of a page; a single object counts as the first page of its own list.

    Order, quoting and repetition of parameters do not matter: canvasapi adds its parameters once
    more when it repeats a request. Nor do the token and the spelling of host and path.
    """
    path = url.path
    if "//" in path or path.endswith(("/", ".json")):
        path = _SLASHES.sub("/", path).rstrip("/").removesuffix(".json")
    if not url.query:
        return PageAddress(hash((host_of(url), path)), FIRST_PAGE)
    query = unquote_plus(url.query) if "%" in url.query or "+" in url.query else url.query
    page, parameters = "", set()
    for parameter in query.split("&"):
        if parameter.startswith(_PAGE):
            page = parameter.removeprefix(_PAGE)
        elif parameter and not parameter.startswith(_SECRETS):
            parameters.add(parameter)
    key = (host_of(url), path, frozenset(parameters)) if parameters else (host_of(url), path)
    return PageAddress(hash(key), FIRST_PAGE if page in _FIRST else hash(page))


def next_address(url: SplitResult, target: str | None) -> PageAddress | None:
    """Return the address of the page that an answer from ``url`` names as the next one.

    Returns:
        The address; None if the answer names no next page, or its URL cannot be parsed.
    """
    if target is None:
        return None
    try:
        return address_of(urlsplit(urljoin(url.geturl(), target)))
    except ValueError as error:
        raise_if_asynchronous(error)
        return None


def parse_link_header(value: str) -> dict[str, str]:
    """Return the target of each relation in a ``Link`` header.

    Args:
        value: The header. Malformed parts are ignored.

    Returns:
        Relation in lower case -> URL as it was sent. The first target of a relation wins.
    """
    links: dict[str, str] = {}
    for target, parameters in _LINK.findall(value):
        for relation in _relations(parameters):
            links.setdefault(relation, target)
    return links


def _relations(parameters: str) -> list[str]:
    for name, value in _PARAMETER.findall(parameters):
        # RFC 8288, 3.3: of several rel parameters the first counts.
        if name.lower() == "rel":
            return _unquoted(value).lower().split()
    return []


def _unquoted(value: str) -> str:
    if not value.startswith('"'):
        return value
    return _ESCAPED.sub(r"\1", value[1:-1]) if "\\" in value else value[1:-1]
