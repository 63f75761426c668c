"""How a hook gets the recorder that it reports to."""

from __future__ import annotations

from canvas_sync_instrumentation.monitor import hook_recorder
from canvas_sync_instrumentation.recorder import PendingCall, Recorder

__all__ = ["PendingCall", "Recorder", "recorder_or_default"]


def recorder_or_default(recorder: Recorder | None) -> Recorder:
    """Give ``recorder``; the one of this process's monitor when None."""
    return hook_recorder() if recorder is None else recorder
