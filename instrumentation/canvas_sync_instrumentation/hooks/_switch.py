"""Switching the hook of a client library on and off, and who uses it while it is on."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ._calls import is_telemetry
from ._patch import Patch
from ._recorder import Recorder, recorder_or_default
from ._required import required

if TYPE_CHECKING:
    from canvas_sync_instrumentation.throttle import ThrottleGuard

__all__ = ["Switch", "Use"]


@dataclass(frozen=True, slots=True)
class Use:
    """Who records calls, and who holds them back, if anyone."""

    recorder: Recorder
    guard: ThrottleGuard | None


class Switch:
    """The hook of one library; off at first.

    Args:
        library: What has to be installed.
        patches: Gives what is wrapped, and in which classes; imports the library.
    """

    def __init__(self, library: str, patches: Callable[[], tuple[tuple[Patch, type], ...]]) -> None:
        self._library = library
        self._patches = patches
        self._use: Use | None = None

    def on(self, recorder: Recorder | None, guard: ThrottleGuard | None) -> None:
        """Record by ``recorder``, the default one when None, after ``guard`` has let calls pass.

        Raises:
            ImportError: The library is not installed.
        """
        required(self._library)
        self._use = Use(recorder_or_default(recorder), guard)
        for patch, owner in self._patches():
            patch.apply(owner)

    def off(self) -> None:
        """Undo :meth:`on`."""
        if self._use is not None:
            self._use = None
            for patch, owner in self._patches():
                patch.remove(owner)

    def use_for(self, url: str) -> Use | None:
        """Tell who uses the hook for a request to ``url``; None when it is not to be recorded."""
        use, chosen = self._use, False
        if use is None or is_telemetry():
            return None
        with use.recorder.guard():
            chosen = use.recorder.is_canvas(url)
        return use if chosen else None
