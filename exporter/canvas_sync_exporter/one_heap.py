"""One heap of the C library for all threads of this process."""

from __future__ import annotations

import ctypes
from typing import Final

__all__ = ["use_one_heap"]

_M_ARENA_MAX: Final = -8
"""From ``malloc.h`` of the GNU C library."""


def use_one_heap() -> None:
    """Let all threads allocate from one heap, if the C library is GNU's; call it before threads.

    By default it gives threads heaps of their own, and each keeps what the largest answer needed:
    with 40 threads that answer requests, many times as much as any of them needs at a time.
    Python's own lock lets one thread allocate at a time anyway.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        mallopt(_M_ARENA_MAX, 1)
