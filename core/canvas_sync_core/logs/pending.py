"""Lines that wait in memory: a bounded queue, in order."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from typing import Final

__all__ = ["PENDING_BYTES", "PendingLines"]

PENDING_BYTES: Final = 1024 * 1024
"""How many bytes of lines of one log wait in memory for a disk that does not take them."""


class PendingLines:
    """Lines that are not written yet, oldest first; their owner holds a lock."""

    def __init__(self) -> None:
        self._lines: deque[bytes] = deque()
        self._bytes = 0

    def __len__(self) -> int:
        return len(self._lines)

    def add(self, line: bytes) -> bool:
        """Add a line behind the others; False when too many bytes wait. The first always fits."""
        if self._lines and self._bytes + len(line) > PENDING_BYTES:
            return False
        self._lines.append(line)
        self._bytes += len(line)
        return True

    def put_back(self, lines: Sequence[bytes]) -> None:
        """Put lines before all others, in their order; they always fit."""
        self._lines.extendleft(reversed(lines))
        self._bytes += sum(map(len, lines))

    @property
    def first(self) -> bytes:
        """The oldest line.

        Raises:
            IndexError: There is none.
        """
        return self._lines[0]

    def remove_first(self) -> None:
        """Remove the oldest line: it is written."""
        self._bytes -= len(self._lines.popleft())
