"""Delays a call until it fits into the quota, if the hook was switched on with a guard."""

from __future__ import annotations

from collections.abc import Mapping
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self
from urllib.parse import urlsplit

from canvas_sync_core.canvas.hosts import host_of
from canvas_sync_core.canvas.tokens import token_in
from canvas_sync_instrumentation.call_recorder import Recorder

if TYPE_CHECKING:
    from canvas_sync_instrumentation.throttle import GuardedRequest, ThrottleGuard

__all__ = ["RateLimitSlot"]


class RateLimitSlot:
    """The part of the quota that one call needs: acquired on entry, released on exit.

    Use it with ``with`` or ``async with``. None of its methods raises internal failures.

    Args:
        recorder: Records failures.
        guard: Decides when the call may start; None means at once.
        url: The whole URL.
        headers: Request headers.
    """

    __slots__ = ("_held", "_recorder")

    def __init__(
        self, recorder: Recorder, guard: ThrottleGuard | None, url: str, headers: Mapping[str, Any]
    ) -> None:
        self._recorder = recorder
        self._held: GuardedRequest | None = None
        if guard is not None:
            with recorder.handle_internal_errors():
                parts = urlsplit(url)
                token = token_in(headers.get("Authorization"), parts.query)
                self._held = guard.acquire(token).at(host_of(parts))

    def observe(self, answer: tuple[int, Mapping[str, str]] | None) -> None:
        """Pass the status and headers of Canvas's answer to the guard; None if there was none."""
        if self._held is not None and answer is not None:
            with self._recorder.handle_internal_errors():
                self._held.observe(*answer)

    def __enter__(self) -> Self:
        if self._held is not None:
            with self._recorder.handle_internal_errors():
                self._held.begin()
        return self

    async def __aenter__(self) -> Self:
        if self._held is not None:
            with self._recorder.handle_internal_errors():
                await self._held.begin_async()
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._held is not None:
            with self._recorder.handle_internal_errors():
                self._held.end()

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.__exit__(exc_type, exc, traceback)
