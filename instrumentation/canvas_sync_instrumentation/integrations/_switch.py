"""Switches the hook of a client library on and off, and remembers where its calls are recorded."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from opentelemetry.context import _SUPPRESS_INSTRUMENTATION_KEY, get_value

from canvas_sync_instrumentation.call_recorder import Recorder
from canvas_sync_instrumentation.client_hooks import client_hooks

from ._default_recorder import recorder_or_default
from ._patch import Patch
from ._required import required

if TYPE_CHECKING:
    from canvas_sync_instrumentation.throttle import ThrottleGuard

__all__ = ["ActiveHook", "Switch", "hook_for"]


@dataclass(frozen=True, slots=True)
class ActiveHook:
    """How a hook that is on treats calls: what records and delays them, and which URLs count."""

    recorder: Recorder
    guard: ThrottleGuard | None
    is_watched: Callable[[str], bool]

    def records(self, url: str) -> bool:
        """Return whether a request to ``url`` is to be recorded."""
        try:
            # In this order: is_watched() may start telemetry, and its own requests must not: the
            # key is set while OpenTelemetry exports, to a path that may start with ``/api/v1/``.
            return not get_value(_SUPPRESS_INSTRUMENTATION_KEY) and self.is_watched(url)
        except Exception as error:  # noqa: BLE001 - telemetry never breaks the sync
            self.recorder.internal_error(error)
            return False


class Switch:
    """The hook of one library; off at first.

    Args:
        library: Name of the library, which must be installed.
        patches: The functions of the library that it patches.

    Attributes:
        active: How it treats calls; None while it is off.
    """

    def __init__(self, library: str, patches: tuple[Patch, ...]) -> None:
        self._library = library
        self._patches = patches
        self.active: ActiveHook | None = None

    def on(
        self,
        recorder: Recorder | None,
        guard: ThrottleGuard | None,
        is_watched: Callable[[str], bool] | None = None,
    ) -> None:
        """Record calls from now on.

        Args:
            recorder: Records them; by default the monitor of this process.
            guard: Delays each call until it fits into the quota; None delays none.
            is_watched: Returns whether calls to a URL are recorded; by default, those to Canvas.

        Raises:
            ImportError: The library is not installed.
        """
        required(self._library)
        used = recorder_or_default(recorder)
        self.active = ActiveHook(used, guard, is_watched or used.is_canvas)
        for patch in self._patches:
            patch.apply(self)
        client_hooks.add(self._library)

    def off(self) -> None:
        """Undo :meth:`on`."""
        if self.active is not None:
            self.active = None
            client_hooks.discard(self._library)
            for patch in self._patches:
                patch.remove(self)


def hook_for(url: str, *switches: Switch) -> ActiveHook | None:
    """Return how the first hook that watches ``url`` treats a call; None if no hook does.

    If that hook has no guard, the guard of the next hook that has one is used.
    """
    first: ActiveHook | None = None
    for switch in switches:
        hook = switch.active
        if hook is None or not hook.records(url):
            continue
        if first is None:
            first = hook
        elif first.guard is None:
            first = replace(first, guard=hook.guard)
    return first
