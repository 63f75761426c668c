"""The ``Link`` header, by which Canvas pages its lists.

Sources: RFC 8288, section 3, and https://canvas.instructure.com/doc/api/file.pagination.html: the
relations are ``current``, ``next``, ``prev``, ``first`` and ``last``, of which ``last`` may be
missing; the URLs are opaque.
"""

from __future__ import annotations

import re
from typing import Final

__all__ = ["PAGE_RELATIONS", "parse_link_header"]

PAGE_RELATIONS: Final = frozenset({"current", "next", "prev", "first", "last"})

_NAME: Final = r"[!#$%&'*+.^_`|~0-9A-Za-z-]*"
_QUOTED: Final = r'"(?:[^"\\]|\\.)*"'
_BARE: Final = r'[^\s;,"]*'
_LINK: Final = re.compile(rf"<([^<>]*)>((?:\s*;\s*{_NAME}(?:\s*=\s*(?:{_QUOTED}|{_BARE}))?)*)")
_PARAMETER: Final = re.compile(rf";\s*({_NAME})(?:\s*=\s*({_QUOTED}|{_BARE}))?")
_ESCAPED: Final = re.compile(r"\\(.)")


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
