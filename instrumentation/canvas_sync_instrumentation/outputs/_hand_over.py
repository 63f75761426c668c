"""Hands data of a process without threads to one of its children."""

from __future__ import annotations

import os

__all__ = ["HandOver"]


class HandOver:
    """Lets exactly one of a process and its forked children take over what they all have."""

    def __init__(self) -> None:
        self._reading, writing = os.pipe()
        os.write(writing, b"1")  # shared: the one that reads this byte takes over
        os.close(writing)

    def take_over(self) -> bool:
        """Return whether the caller takes over; call it once."""
        is_first = bool(os.read(self._reading, 1))
        os.close(self._reading)
        return is_first
