"""Finds the line of each key in a TOML file, which :mod:`tomllib` does not report.

The text is known to be valid TOML, so it is enough to skip strings and comments and to count
brackets. Keys inside arrays and inline tables get the line of the enclosing key.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

__all__ = ["KeyPath", "find_lines", "line_of"]

KeyPath = tuple[str | int, ...]
"""Names of tables and keys; a number is a position in an array of tables."""

_PART: Final = re.compile(
    r'"""(?:\\.|[^\\])*?"{3,5}|'  # the text may end with up to two quotes
    r"'''.*?'{3,5}|"
    r'"(?:\\.|[^"\\\n])*"|'
    r"'[^'\n]*'|"
    r"#[^\n]*|"
    r"[\[\]{}=\n]|"
    r"[^\"'#\[\]{}=\n]+",
    re.DOTALL,
)
_STEP: Final = {"[": 1, "{": 1, "]": -1, "}": -1}


def find_lines(text: str) -> dict[KeyPath, int]:
    """Return the line, from 1, of each table and each key that is not inside a value.

    Args:
        text: Valid TOML with line feeds as line endings.
    """
    import tomllib  # noqa: PLC0415 - slow, and there may be no file

    lines: dict[KeyPath, int] = {}
    counts: dict[KeyPath, int] = {}
    table: KeyPath = ()
    for line, statement in _statements(text):
        if statement.startswith("["):
            is_array = statement.startswith("[[")
            table = _resolve(_names(tomllib.loads(statement)), counts, is_array=is_array)
            for count in range(1, len(table) + 1):
                lines.setdefault(table[:count], line)
        else:
            names = _names(tomllib.loads(f"{statement} = 0"))
            for count in range(1, len(names) + 1):
                lines.setdefault(table + names[:count], line)
    return lines


def line_of(lines: Mapping[KeyPath, int], path: KeyPath) -> int:
    """Return the line of a key, or of the closest enclosing table; 0 if there is none."""
    for length in range(len(path), 0, -1):
        if path[:length] in lines:
            return lines[path[:length]]
    return 0


def _statements(text: str) -> Iterator[tuple[int, str]]:
    """Yield each header, and each key before its equals sign, with its line."""
    line, depth, words, is_value = 1, 0, "", False
    for match in _PART.finditer(text + "\n"):
        part = match[0]
        if part == "\n" and not (is_value and depth):
            if words.strip() and not is_value:
                yield line, words.strip()
            words, is_value, depth = "", False, 0
        elif part == "=" and not is_value:
            yield line, words.strip()
            is_value = True
        elif is_value:
            depth += _STEP.get(part, 0)
        elif not part.startswith("#"):
            words += part
        line += part.count("\n")


def _names(value: Any) -> KeyPath:
    """Return the names that lead to the innermost value of nested tables with one key each."""
    names: list[str] = []
    while isinstance(value, dict | list) and value:
        if isinstance(value, list):
            value = value[0]
            continue
        names.append(next(iter(value)))
        value = value[names[-1]]
    return tuple(names)


def _resolve(names: KeyPath, counts: dict[KeyPath, int], *, is_array: bool) -> KeyPath:
    """Add the index within each array of tables to the path of a header."""
    path: KeyPath = ()
    for index, name in enumerate(names):
        path = (*path, name)
        is_last = index == len(names) - 1
        if is_last and is_array:
            counts[path] = counts.get(path, -1) + 1
        if path in counts:
            path = (*path, counts[path])
    return path
