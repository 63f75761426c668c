"""Looks for a rare end in many lines, and only where it is, at what precedes it.

RE2 jumps from one occurrence of a pattern's first byte to the next, so what begins with a rare byte
is found three to four times as fast as by Python's ``in``, which looks at every byte.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

__all__ = ["has_whole"]

_MOST_BY_CHANCE: Final = 8


def has_whole(
    end: Any, lines: bytes | memoryview, is_whole: Callable[[int, int], bool]
) -> bool | None:
    """Return whether an end in some lines is that of what is looked for.

    Args:
        end: An RE2 pattern.
        lines: The lines.
        is_whole: Whether the end between two offsets is that of what is looked for.

    Returns:
        None if the end is not as rare as it should be, so that it takes too long to say.
    """
    searched = 0
    for _ in range(_MOST_BY_CHANCE):
        found = end.search(lines, searched)
        if found is None:
            return False
        start, stop = found.span()
        if is_whole(start, stop):
            return True
        searched = start + 1
    return None
