"""Sinks: each turns events into one kind of output, and none knows another."""

from __future__ import annotations

from typing import Protocol

from canvas_sync_core.events import Event

__all__ = ["DropCounter", "Sink"]


class DropCounter(Protocol):
    """Counts telemetry that could not be delivered."""

    def __call__(self, sink: str, reason: str, count: int = 1) -> None:
        """Count losses; which there are is in :data:`~canvas_sync_core.names.DROP_REASONS`."""


class Sink(Protocol):
    """One kind of output."""

    def handle(self, event: Event) -> None:
        """Turn one event into output; never waits for a network or a database."""

    def flush(self, timeout: float) -> bool:
        """Deliver what is pending within ``timeout`` seconds; tell whether nothing is left."""

    def close(self, timeout: float) -> None:
        """Deliver what is pending within ``timeout`` seconds, then release everything."""

    def after_fork_in_child(self) -> None:
        """Forget what belongs to the parent and start anew in a forked child."""
