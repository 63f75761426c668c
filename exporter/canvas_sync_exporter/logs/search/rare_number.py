"""Finds a value that is a whole number in many lines, by its digits.

A value begins with a colon, of which a line has dozens. Its digits are rarer, although now and then
those of a duration end with them.
"""

from __future__ import annotations

from typing import Final

import re2

from canvas_sync_exporter.logs.own_lines import LATIN1

from .rare_ends import has_whole

__all__ = ["RareNumber"]

_BEFORE: Final = (b":", b':"')
_AFTER: Final = b'[",}]'


class RareNumber:
    """A number to find where our own writer spells a value, as a number or as a text.

    Args:
        number: The number.
    """

    def __init__(self, number: str) -> None:
        self._digits = number.encode()
        end = self._digits + _AFTER
        self._end = re2.compile(end, LATIN1)
        self._whole = re2.compile(b':"?' + end, LATIN1)

    def is_in(self, lines: bytes | memoryview) -> bool:
        """Return whether some lines contain the value."""

        def is_whole(start: int, _stop: int) -> bool:
            return bytes(lines[max(0, start - 2) : start]).endswith(_BEFORE)

        found = has_whole(self._end, lines, is_whole)
        return self._whole.search(lines) is not None if found is None else found

    def is_in_line(self, line: bytes) -> bool:
        """Return the same of one line, for which it is faster."""
        return self._digits in line and self._whole.search(line) is not None
