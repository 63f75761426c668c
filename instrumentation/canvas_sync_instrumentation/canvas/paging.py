"""The ``Link`` header, by which Canvas pages its lists.

Sources: RFC 8288, section 3, and https://canvas.instructure.com/doc/api/file.pagination.html: the
relations are ``current``, ``next``, ``prev``, ``first`` and ``last``, of which ``last`` may be
missing; the URLs are opaque.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

__all__ = ["PAGE_RELATIONS", "parse_link_header"]

PAGE_RELATIONS: Final = frozenset({"current", "next", "prev", "first", "last"})

_TARGET: Final = re.compile(r"[\s,]*<([^>]*)>")
_PARAMETER: Final = re.compile(
    r"""\s*;\s*([!#$%&'*+.^_`|~0-9A-Za-z-]*)   # name
        (?:\s*=\s*(?:"((?:[^"\\]|\\.)*)"       # quoted value
                  |([^\s;,"]*)))?              # bare value
    """,
    re.VERBOSE,
)
_ESCAPED: Final = re.compile(r"\\(.)")


def parse_link_header(value: str) -> dict[str, str]:
    """Return the target of each relation in a ``Link`` header.

    Args:
        value: The header. What follows a malformed part is ignored.

    Returns:
        Relation in lower case -> URL as it was sent. The first target of a relation wins.
    """
    links: dict[str, str] = {}
    for target, relations in _links(value):
        for relation in relations.lower().split():
            links.setdefault(relation, target)
    return links


def _links(value: str) -> Iterator[tuple[str, str]]:
    position = 0
    while found := _TARGET.match(value, position):
        target, position = found[1], found.end()
        relations = ""
        while found := _PARAMETER.match(value, position):
            position = found.end()
            # RFC 8288, 3.3: further rel parameters of a link must be ignored.
            if found[1].lower() == "rel" and not relations:
                relations = (
                    _ESCAPED.sub(r"\1", found[2]) if found[2] is not None else found[3] or ""
                )
        yield target, relations
