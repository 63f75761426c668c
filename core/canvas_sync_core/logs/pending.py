"""Lines that wait in memory: a bounded queue, in order."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from typing import Final

__all__ = ["PENDING_BYTES", "PendingLines"]

PENDING_BYTES: Final = 1024 * 1024
"""Maximum number of bytes of one log that wait in memory while the disk cannot be written."""


class PendingLines:
    """Lines that are not written yet; the owner does the locking.

    Attributes:
        lines: The lines, oldest first; for reading.
    """

    def __init__(self) -> None:
        self.lines: deque[bytes] = deque()
        self._bytes = 0

    def add(self, line: bytes) -> bool:
        """Append a line; False if too many bytes are waiting. The first line always fits."""
        if self.lines and self._bytes + len(line) > PENDING_BYTES:
            return False
        self.lines.append(line)
        self._bytes += len(line)
        return True

    def put_back(self, lines: Sequence[bytes]) -> None:
        """Insert lines before all others, in their order; they always fit."""
        self.lines.extendleft(reversed(lines))
        self._bytes += sum(map(len, lines))

    def remove_first(self) -> None:
        """Remove the oldest line: it is written."""
        self._bytes -= len(self.lines.popleft())
