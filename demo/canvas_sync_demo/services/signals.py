"""How a service ends: by Ctrl-C, or by SIGTERM from whoever runs its container."""

from __future__ import annotations

import signal
import threading
from types import FrameType

__all__ = ["stop_event"]


def stop_event() -> threading.Event:
    """Make an event that SIGINT and SIGTERM set. Call it in the main thread."""
    stopping = threading.Event()

    def stop(_number: int, _frame: FrameType | None) -> None:
        stopping.set()

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, stop)
    return stopping
