"""The recorder that a hook reports to."""

from __future__ import annotations

from canvas_sync_instrumentation.call_recorder import PendingCall, Recorder
from canvas_sync_instrumentation.monitor import hook_recorder

__all__ = ["PendingCall", "Recorder", "recorder_or_default"]


def recorder_or_default(recorder: Recorder | None) -> Recorder:
    """Return ``recorder``, or that of this process's monitor if it is None."""
    return hook_recorder() if recorder is None else recorder
