"""Ends a service on Ctrl-C, or on SIGTERM from its container runtime."""

from __future__ import annotations

import signal
import threading
from types import FrameType

__all__ = ["stop_event"]


def stop_event() -> threading.Event:
    """Return an event that SIGINT and SIGTERM set; only the main thread may call this."""
    stopping = threading.Event()

    def stop(_number: int, _frame: FrameType | None) -> None:
        stopping.set()

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, stop)
    return stopping
