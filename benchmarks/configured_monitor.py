"""Records into a folder for as long as it exists."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from canvas_sync_instrumentation import configure, shutdown
from canvas_sync_instrumentation.monitor import Monitor

__all__ = ["configured"]


@contextmanager
def configured(log_dir: str, **settings: Any) -> Iterator[Monitor]:
    """Record into a folder until the block ends, also if it fails, so that the folder can go."""
    try:
        yield configure(log_dir=log_dir, **settings)
    finally:
        shutdown()
