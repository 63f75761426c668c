"""Masks values in quotation marks inside a sentence, one by one.

A value may itself contain marks (``'O'Brien'``, ``'James' Book'``). A mark inside a word does not
end a quotation. If a mark could only be a closing one but no quotation is open, the previous
quotation was longer than it seemed.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final

from canvas_sync_core.patterns import late_pattern

__all__ = ["MASK", "end_of_value", "mask_quoted"]

MASK: Final = "'?'"
"""Replaces a value that must not be recorded."""

_CLOSING: Final = {
    "'": "'",
    '"': '"',
    "\u2018": "\u2019",
    "\u201c": "\u201d",
    "\u201e": "\u201c",
    "\xab": "\xbb",
}
"""The marks of English, German and French, each with the one that closes it."""
_OPENING: Final = late_pattern(
    "(?!(?<=<class )'[\\w.]+'>)"  # Python's name of a class
    "(?:(?<!\\w)|(?<=\\b[bBrRuU]))['\"\u2018\u201c\u201e\xab]"
)
_END: Final = {
    mark: late_pattern(rf"\\.|{mark}(?!\w)", re.DOTALL) for mark in set(_CLOSING.values())
}
_STRAY: Final = {mark: late_pattern(rf"(?<=[^\s(\[{{=,:]){mark}(?!\w)") for mark in "'\""}


def mask_quoted(text: str, is_known: Callable[[str], bool]) -> str:
    """Replace each value in quotation marks with ``'?'``; the surrounding text is kept.

    Args:
        text: A sentence.
        is_known: Returns whether a text is not data; it is then kept, with its marks.
    """
    parts, position = [], 0
    while opening := _OPENING.search(text, position):
        start = opening.start()
        end = _end_of_quotation(text, start)
        parts.append(text[position:start])
        if is_known(text[start + 1 : end - 1]):
            parts.append(text[start:end])
        else:
            end = end_of_value(text, start)
            parts.append(MASK)
        position = end
    return "".join(parts) + text[position:]


def end_of_value(text: str, start: int) -> int:
    """Return where the value ends whose quotation mark is at ``start``; it may contain marks."""
    end = _end_of_quotation(text, start)
    stray = _STRAY.get(text[start])
    if stray is None:
        return end
    following = _OPENING.search(text, end)
    limit = len(text) if following is None else following.start()
    for found in stray.finditer(text, end, limit):
        end = found.end()
    return end


def _end_of_quotation(text: str, start: int) -> int:
    """Return the place behind the mark that closes the one at ``start``."""
    for found in _END[_CLOSING[text[start]]].finditer(text, start + 1):
        if len(found[0]) == 1:
            return found.end()
    return len(text)
