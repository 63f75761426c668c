"""Removes the values from SQL and from database drivers' messages inside a text."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

from canvas_sync_core.patterns import late_pattern

from .quoted_values import MASK, end_of_value

__all__ = ["lines_without_statements", "without_driver_values", "without_statements"]

_QUOTED_ROWS: Final = late_pattern(r"\[SQL: |\[parameters: |\b(?:DETAIL|CONTEXT|LINE [0-9]+):")
"""Where SQLAlchemy and PostgreSQL quote rows; a value may contain anything, even the end mark."""
_WRITES: Final = late_pattern(
    r"\b(?:(?:insert|replace)(?:\s+or\s+[a-z]+)?(?:\s+ignore)?\s+into\s+[^\s(]+(?=\s*\(|\s+values|\s+select)"
    r"|update\s+\S+\s+set\s+(?=\S+\s*=)|delete\s+from\s+\S+\s+(?=where\b))",
    re.IGNORECASE,
)
_SELECT: Final = late_pattern(r"\bselect\b", re.IGNORECASE)
_FROM: Final = late_pattern(r"\bfrom\b", re.IGNORECASE)
_WHERE: Final = late_pattern(r"\b(?:where|having)\b", re.IGNORECASE)

_CLAUSE: Final = late_pattern(
    r"""(\s*(?:values(?=\s*\()
        | (?:set|where|having|and|or)(?=\s+[\w.\"`]+\s*(?:[=<>~!]|(?:like|in|is|between)\b))
    )\b).*""",
    re.IGNORECASE | re.VERBOSE,
)
"""The line of a longer statement that holds values."""
_CONTINUATION: Final = late_pattern(
    r"[\s(),']|(?:values|set|where|and|or|on|from|returning|limit|order|group)\b", re.IGNORECASE
)
"""How a line begins that belongs to the statement above it."""

_VALUE_OF_DRIVER: Final = late_pattern(
    r"""(
        \bDuplicate\ entry\ | \bat\ or\ near\ | \bnear\ (?=")
        | \bunrecognized\ token:\ | \binvalid\ input\ [\w\ ]+:\ | \bvalue\ is\ (?=\()
        | \bcolumn\ values\ (?=\() | \bTruncated\ value:\ | \binput_value= | \bOn\ instance:\s+
        | \bcolumn\ (?="[^"\n]*"\ (?:of\ [^"\n]*"[^"\n]*"\ )?does\ not\ exist)
        | \bIncorrect\ [\w\ ]+\ value:\ | \bUnknown\ column\ (?=')
        | \bcould\ not\ convert\ string\ to\ float:\ | \binvalid\ literal\ for\ int\(\)[\w\ ]*:[ ]
        | \bInvalid\ isoformat\ string:\ | \btime\ data\ (?=['"]) | \bKeyError:\ (?=['"\(])
    )(?P<quote>['"(])""",
    re.VERBOSE,
)
"""Where drivers and Python quote a value in a text that is not known to be an error's."""


def without_statements(text: str) -> str:
    """Cut statements off before their values."""
    if found := _QUOTED_ROWS.search(text):
        text = text[: found.start()]
    if found := _WRITES.search(text):
        text = text[: found.end()].rstrip() + " …"
    return _without_conditions(text)


def lines_without_statements(lines: Iterable[str]) -> list[str]:
    """Cut the statements in a program's output off before their values, line by line.

    Unlike :func:`without_statements`, this leaves the output after a statement.
    """
    cut_lines = []
    is_in_statement = False
    for line in lines:
        if is_in_statement and _CONTINUATION.match(line):
            continue
        cut = _CLAUSE.sub(r"\1 …", without_statements(line))
        is_in_statement = cut != line and _QUOTED_ROWS.search(line) is None
        cut_lines.append(cut or "…" if cut != line else line)
    return cut_lines


def _without_conditions(text: str) -> str:
    """Cut a query off at its conditions, which hold values."""
    end = 0
    for part in (_SELECT, _FROM, _WHERE):
        found = part.search(text, end)
        if found is None:
            return text
        end = found.end()
    return text[:end] + " …"


def without_driver_values(text: str, *, only_rows: bool = False) -> str:
    """Mask the values that database drivers and Python quote in their messages.

    Args:
        text: Any text.
        only_rows: Whether values in quotation marks are masked already.
    """
    parts, position = [], 0
    while found := _VALUE_OF_DRIVER.search(text, position):
        start = found.end() - 1
        if only_rows and text[start] != "(":
            parts.append(text[position : start + 1])
            position = start + 1
            continue
        parts += [text[position:start], MASK]
        position = _end_of_row(text) if text[start] == "(" else end_of_value(text, start)
    return "".join(parts) + text[position:]


def _end_of_row(text: str) -> int:
    """Return where a value in parentheses ends: after the last one, as it may contain some."""
    return text.rfind(")") + 1 or len(text)
