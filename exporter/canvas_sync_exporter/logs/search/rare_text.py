"""Finds a text in many lines by the byte of it that is rarest in them.

RE2 jumps from one occurrence of a pattern's first byte to the next. Most texts that a search looks
for begin with a quotation mark, of which a line has dozens, so the search begins at a later byte.
That is three to four times as fast as Python's ``in``, which looks at every byte.
"""

from __future__ import annotations

import re
from typing import Any, Final

import re2

from canvas_sync_exporter.logs.own_lines import LATIN1

__all__ = ["RareText"]

_SAMPLE_BYTES: Final = 64 * 1024
_NOT_RANDOM: Final = re.compile(rb"[^0-9a-f]")
_LEAST_NOT_RANDOM: Final = 3
_LEAST: Final = 10


class RareText:
    """A text to find.

    Args:
        text: The text.
    """

    def __init__(self, text: bytes) -> None:
        self._text = text
        self._end: Any = None

    def is_in(self, lines: bytes | memoryview) -> bool:
        """Return whether some lines contain the text."""
        if self._end is None:
            self._end = re2.compile(re.escape(_rare_end(self._text, lines)), LATIN1)
        return self._end.search(lines) is not None and self._text in bytes(lines)


def _rare_end(text: bytes, lines: bytes | memoryview) -> bytes:
    """Return the end of a text that begins with the byte that is rarest in some lines."""
    sample = bytes(lines[:_SAMPLE_BYTES])
    ends = [text[start:] for start in range(len(text))]
    return min((text, *filter(_is_telling, ends)), key=lambda end: sample.count(end[:1]))


def _is_telling(end: bytes) -> bool:
    """Return whether a text is unlikely to be found by chance in ids, durations and times."""
    return len(end) >= _LEAST or len(_NOT_RANDOM.findall(end)) >= _LEAST_NOT_RANDOM
