"""The newest lines of a log, kept until it is certain that the file was not removed."""

from __future__ import annotations

from typing import Final

__all__ = ["UnverifiedLines"]

_LINES: Final = 64
_LONG_LINE: Final = 64 * 1024


class UnverifiedLines:
    """Lines written since the file was last known to exist under its name.

    Asking the system after each line would make a line a third more expensive.

    Attributes:
        are_many: Whether it is time to check.
    """

    def __init__(self) -> None:
        self._lines: list[bytes] = []
        self.are_many = False

    def __bool__(self) -> bool:
        return bool(self._lines)

    def add(self, line: bytes) -> None:
        """Keep a written line; an owed newline has no line to keep."""
        if line:
            self._lines.append(line)
        if len(self._lines) >= _LINES or len(line) >= _LONG_LINE:
            self.are_many = True

    def take(self) -> list[bytes]:
        """Return the lines and forget them."""
        lines, self._lines, self.are_many = self._lines, [], False
        return lines
