"""The newest lines of a log, as long as they may be lost with it."""

from __future__ import annotations

from typing import Final

__all__ = ["UnverifiedLines"]

_LINES: Final = 64
_LONG_LINE: Final = 64 * 1024


class UnverifiedLines:
    """Lines written since the log was last seen to have a name.

    To ask the system after each line would make a line a third more expensive.

    Attributes:
        are_many: Whether it is time to look.
    """

    def __init__(self) -> None:
        self._lines: list[bytes] = []
        self.are_many = False

    def __bool__(self) -> bool:
        return bool(self._lines)

    def add(self, line: bytes) -> None:
        """Keep a line that was written; nothing of an owed newline, which is empty."""
        if line:
            self._lines.append(line)
        if len(self._lines) >= _LINES or len(line) >= _LONG_LINE:
            self.are_many = True

    def take(self) -> list[bytes]:
        """Give the lines and keep them no longer."""
        lines, self._lines, self.are_many = self._lines, [], False
        return lines
