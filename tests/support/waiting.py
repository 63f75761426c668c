"""Waiting for something to become true, on a machine of any speed."""

from __future__ import annotations

import time
from collections.abc import Callable

__all__ = ["wait_until"]

_PATIENCE_SECONDS = 600.0
_FIRST_PAUSE_SECONDS = 0.01
_LONGEST_PAUSE_SECONDS = 0.05


def wait_until(is_true: Callable[[], object], what: str) -> None:
    """Return as soon as ``is_true()`` is; fail when it is not for ten minutes.

    The limit is for a test that hangs, not for one that is slow. The longer it takes, the less
    often it looks: what is waited for needs the processor too.
    """
    deadline = time.monotonic() + _PATIENCE_SECONDS
    pause = _FIRST_PAUSE_SECONDS
    while not is_true():
        assert time.monotonic() < deadline, f"waited in vain for {what}"
        time.sleep(pause)
        pause = min(1.1 * pause, _LONGEST_PAUSE_SECONDS)
