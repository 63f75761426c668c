"""Starting threads where that may be impossible."""

from __future__ import annotations

import threading
from collections.abc import Callable

__all__ = ["start_daemon"]


def start_daemon(work: Callable[[], object], name: str) -> threading.Thread | None:
    """Start a daemon thread, for which no exit waits.

    Returns:
        The thread; None where none can be started: the system has no room for one, or the
        interpreter ends (in Python 3.12 that includes exit handlers).
    """
    thread = threading.Thread(target=work, name=name, daemon=True)
    try:
        thread.start()
    except RuntimeError:
        return None
    return thread
