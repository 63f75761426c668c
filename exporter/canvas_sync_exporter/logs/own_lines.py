"""Recognises JSON lines that our own writer made, without parsing them."""

from __future__ import annotations

import re
from typing import Final

import re2

__all__ = ["LATIN1", "OWN_JSON", "has_foreign_lines"]

OWN_JSON: Final = b'{"timestamp":"'
"""What each of these lines begins with."""

LATIN1: Final = re2.Options()
"""Options of expressions for which any byte is a character."""
LATIN1.encoding = re2.Options.Encoding.LATIN1
_FOREIGN: Final = re2.compile(  # a line that begins otherwise; much faster than counting lines
    b"\n(?:%s)"
    % b"|".join(
        re.escape(OWN_JSON[:end]) + b"[^%s]" % re.escape(OWN_JSON[end : end + 1])
        for end in range(len(OWN_JSON))
    ),
    LATIN1,
)


def has_foreign_lines(lines: bytes | memoryview) -> bool:
    """Return whether our own writer may not have made each of these lines as JSON."""
    return (
        lines[: len(OWN_JSON)] != OWN_JSON
        or lines[-1:] != b"\n"
        or _FOREIGN.search(lines) is not None
    )
