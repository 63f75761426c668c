"""How a hook gets the recorder that it reports to."""

from __future__ import annotations

from canvas_sync_instrumentation.call_recorder import PendingCall, Recorder
from canvas_sync_instrumentation.monitor import hook_recorder

__all__ = ["PendingCall", "Recorder", "recorder_or_default"]


def recorder_or_default(recorder: Recorder | None) -> Recorder:
    """Give ``recorder``; the one of this process's monitor when None."""
    return hook_recorder() if recorder is None else recorder
