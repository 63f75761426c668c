"""What a hook reports to, and how it gets it."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractContextManager
from typing import Any, Protocol

from canvas_sync_instrumentation.monitor import hook_recorder

__all__ = ["HookRecorder", "recorder_or_default"]


class HookRecorder(Protocol):
    """The part of a recorder that hooks use: what they saw goes in, nothing comes out.

    :class:`~canvas_sync_instrumentation.recorder.Recorder` is the one that makes events.
    """

    def guard(self) -> AbstractContextManager[None]:
        """Count and swallow what fails inside; raise it in strict mode."""

    def is_canvas(self, url: str) -> bool:
        """Tell whether ``url`` is a request to the Canvas API."""

    def api_call_started(self, method: str, url: str) -> Any:
        """Note that an API call begins now; give a token for its end."""

    def api_call_ended(
        self,
        pending: Any,
        *,
        status: int,
        headers: Mapping[str, str],
        body: str | None,
        tries_below: int = 0,
    ) -> None:
        """Record the answer to an API call; ``body`` is None when it was not loaded."""

    def api_call_failed(self, pending: Any, error: BaseException, *, tries_below: int = 0) -> None:
        """Record an API call that got no answer."""

    def db_operation(
        self,
        operation: str,
        table: str,
        duration: float,
        *,
        count: int = 1,
        batch: bool = False,
        system: str = "other_sql",
        error: BaseException | None = None,
    ) -> None:
        """Record an operation on the app's own database; ``duration`` in seconds."""


def recorder_or_default(recorder: HookRecorder | None) -> HookRecorder:
    """Give ``recorder``; the one of this process's monitor when None."""
    return hook_recorder() if recorder is None else recorder
