"""How a status is shown where colors are missing: by a word and a shape, unless it is neutral."""

from __future__ import annotations

from typing import Final

from canvas_sync_exporter.messages.content import Status

__all__ = ["SHAPES", "WORDS"]

WORDS: Final = {
    Status.GOOD: "OK",
    Status.NEUTRAL: "",
    Status.WARNING: "Warning",
    Status.CRITICAL: "Critical",
}
SHAPES: Final = {
    Status.GOOD: "✓",
    Status.NEUTRAL: "",
    Status.WARNING: "▲",
    Status.CRITICAL: "✖",
}
