"""Finds a text in many lines by the byte of it that is rarest in them.

Most texts that a search looks for begin with a quotation mark, of which a line has dozens, so the
search begins at a later byte.
"""

from __future__ import annotations

import re
from typing import Any, Final

import re2

from canvas_sync_exporter.logs.own_lines import LATIN1

from .rare_ends import has_whole

__all__ = ["RareText"]

_SAMPLE_BYTES: Final = 64 * 1024
_TELLING: Final = re.compile(rb"[^0-9a-f]{3}|.{4}", re.DOTALL)
"""How an end begins that is seldom found by chance in ids, durations and times."""


class RareText:
    """A text to find.

    Args:
        text: The text.
    """

    def __init__(self, text: bytes) -> None:
        self._text = text
        self._before = 0
        self._end: Any = None

    def is_in(self, lines: bytes | memoryview) -> bool:
        """Return whether some lines contain the text."""
        if self._end is None:
            self._before = _start_of_rare_end(self._text, bytes(lines[:_SAMPLE_BYTES]))
            self._end = re2.compile(re.escape(self._text[self._before :]), LATIN1)

        def is_whole(start: int, stop: int) -> bool:
            return lines[max(0, start - self._before) : stop] == self._text

        found = has_whole(self._end, lines, is_whole)
        return self._text in bytes(lines) if found is None else found

    def is_in_line(self, line: bytes) -> bool:
        """Return the same of one line, for which it is faster."""
        return self._text in line


def _start_of_rare_end(text: bytes, sample: bytes) -> int:
    """Return where the end of a text begins that starts with its rarest byte in a sample of lines.

    An end that is itself in the sample will not do.
    """
    count = {byte: sample.count(byte) for byte in set(text)}
    starts = sorted(range(len(text)), key=lambda start: count[text[start]])
    telling = (start for start in starts if _TELLING.match(text, start))
    return next((start for start in telling if text[start:] not in sample), 0)
