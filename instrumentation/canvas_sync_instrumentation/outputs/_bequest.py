"""What a process without threads leaves to one of its children."""

from __future__ import annotations

import os

__all__ = ["Bequest"]


class Bequest:
    """Lets exactly one of a process and its forked children take over what they all have."""

    def __init__(self) -> None:
        self._reading, writing = os.pipe()
        os.write(writing, b"1")  # all of them share the pipe: who reads this byte is the one
        os.close(writing)

    def take(self) -> bool:
        """Return whether the caller is the one; ask once."""
        is_first = bool(os.read(self._reading, 1))
        os.close(self._reading)
        return is_first
