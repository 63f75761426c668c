"""Switching the hook of a client library on and off, and who uses it while it is on."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from canvas_sync_instrumentation.client_hooks import client_hooks

from ._calls import is_telemetry
from ._patch import Patch
from ._recorder import Recorder, recorder_or_default
from ._required import required

if TYPE_CHECKING:
    from canvas_sync_instrumentation.throttle import ThrottleGuard

__all__ = ["Switch", "Use", "use_for"]


@dataclass(frozen=True, slots=True)
class Use:
    """Who records calls, who holds them back, if anyone, and to which URLs."""

    recorder: Recorder
    guard: ThrottleGuard | None
    is_watched: Callable[[str], bool]


class Switch:
    """The hook of one library; off at first.

    Args:
        library: What has to be installed.
        patches: What it changes in the library.
    """

    def __init__(self, library: str, patches: tuple[Patch, ...]) -> None:
        self._library = library
        self._patches = patches
        self._use: Use | None = None

    def on(
        self,
        recorder: Recorder | None,
        guard: ThrottleGuard | None,
        is_watched: Callable[[str], bool] | None = None,
    ) -> None:
        """Record calls from now on.

        Args:
            recorder: Records them; the default one when None.
            guard: Lets them pass one after the other; None for all at once.
            is_watched: Tells by the URL which ones; those to Canvas when None.

        Raises:
            ImportError: The library is not installed.
        """
        required(self._library)
        used = recorder_or_default(recorder)
        self._use = Use(used, guard, is_watched or used.is_canvas)
        for patch in self._patches:
            patch.apply(self)
        client_hooks.add(self._library)

    def off(self) -> None:
        """Undo :meth:`on`."""
        if self._use is not None:
            self._use = None
            client_hooks.discard(self._library)
            for patch in self._patches:
                patch.remove(self)

    def use_for(self, url: str) -> Use | None:
        """Return the user of the hook for a request; None when it is not to be recorded."""
        use = self._use
        if use is None or is_telemetry():
            return None
        try:
            return use if use.is_watched(url) else None
        except Exception as error:  # noqa: BLE001 - telemetry never breaks the sync
            use.recorder.internal_error(error)
            return None

    @property
    def is_on(self) -> bool:
        """Whether calls are recorded."""
        return self._use is not None


def use_for(url: str, *switches: Switch) -> Use | None:
    """Return the first of several hooks that records a request, with the first guard among them."""
    first: Use | None = None
    for switch in switches:
        use = switch.use_for(url) if switch.is_on else None
        if first is None:
            first = use
        elif use is not None and first.guard is None:
            first = replace(first, guard=use.guard)
    return first
