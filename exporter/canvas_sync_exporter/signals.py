"""The signals that stop a running exporter, or make it reload its settings."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from types import FrameType
from typing import Any, Final

__all__ = ["Signals"]

_STOP: Final = (signal.SIGTERM, signal.SIGINT)
_RELOAD: Final = signal.SIGHUP


class Signals:
    """Records signals while it is entered; use it in the main thread.

    Before anything is served, there is nothing to shut down: SIGTERM and SIGINT then end the
    process immediately, with an exception.

    Attributes:
        stopping: Whether SIGTERM or SIGINT was received.
    """

    def __init__(self) -> None:
        self.stopping = False
        self._reload_wanted = False
        self._has_served = False
        self._wake: Callable[[], None] | None = None
        self._before: Mapping[signal.Signals, Any] = {}

    def __enter__(self) -> Signals:
        numbers = [*_STOP]
        if signal.getsignal(_RELOAD) is not signal.SIG_IGN:  # as nohup sets it
            numbers.append(_RELOAD)
        self._before = {number: signal.signal(number, self._receive) for number in numbers}
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def take_reload(self) -> bool:
        """Whether SIGHUP was received since the last check."""
        wanted, self._reload_wanted = self._reload_wanted, False
        return wanted

    @contextmanager
    def waking(self, wake: Callable[[], None]) -> Iterator[None]:
        """Call ``wake`` at each signal while the block runs.

        Args:
            wake: Called in a signal handler.
        """
        self._wake, self._has_served = wake, True
        try:
            yield
        finally:
            self._wake = None

    def _receive(self, number: int, _frame: FrameType | None) -> None:
        if number == _RELOAD:
            self._reload_wanted = True
        elif not self._has_served:
            raise KeyboardInterrupt if number == signal.SIGINT else SystemExit(0)
        else:
            self.stopping = True
        if self._wake is not None:
            self._wake()
