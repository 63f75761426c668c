"""Sinks: each turns events into one kind of output, and none knows another."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from canvas_sync_core.events import Event

__all__ = ["DropCounter", "Sink", "fault_of"]


class DropCounter(Protocol):
    """Counts telemetry that could not be delivered."""

    def __call__(self, sink: str, reason: str, count: int = 1) -> None:
        """Count losses; the reasons are in :data:`~canvas_sync_core.names.DROP_REASONS`."""


class Sink(Protocol):
    """One kind of output."""

    @property
    def fault(self) -> str | None:
        """Why it cannot deliver now: a path and a cause; None if it can."""

    def handle(self, event: Event) -> None:
        """Turn one event into output; never waits for a network or a database."""

    def flush(self, timeout: float) -> bool:
        """Deliver what is pending within ``timeout`` seconds; return whether nothing is left."""

    def close(self, timeout: float) -> None:
        """Deliver what is pending within ``timeout`` seconds, then release everything."""

    def after_fork_in_child(self) -> None:
        """In a forked child, drop everything that belongs to the parent and start fresh."""


def fault_of(path: Path, error: OSError | None) -> str:
    """Return what cannot be written, and why."""
    cause = (error.strerror or str(error)) if error is not None else "unknown cause"
    return f"{path}: {cause}"
