"""The recorder of a hook that is given none: that of this process's monitor."""

from __future__ import annotations

from canvas_sync_instrumentation.call_recorder import Recorder
from canvas_sync_instrumentation.monitor import hook_recorder

__all__ = ["recorder_or_default"]


def recorder_or_default(recorder: Recorder | None) -> Recorder:
    """Return ``recorder``, or that of this process's monitor if it is None."""
    return hook_recorder() if recorder is None else recorder
