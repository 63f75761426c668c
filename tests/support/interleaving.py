"""Two actions interleaved at will: one is stopped right before a line of its own, then goes on."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable
from types import FrameType
from typing import Any

__all__ = ["StoppedAction"]

_SECONDS = 600


class StoppedAction:
    """An action in a thread, which stops right before the line that it executes as its ``step``-th.

    Args:
        act: The action.
        functions: Names of the functions whose lines count.
        step: Before which line to stop, from 0.

    Attributes:
        was_stopped: Whether it has so many lines.
    """

    def __init__(self, act: Callable[[], object], functions: set[str], step: int) -> None:
        self._act, self._functions, self._left = act, functions, step
        self._arrived, self._go_on = threading.Event(), threading.Event()
        self._error: BaseException | None = None
        self.was_stopped = False
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()
        assert self._arrived.wait(_SECONDS)

    def finish(self) -> None:
        """Let it go on to its end; raise what it raised."""
        self._go_on.set()
        self._thread.join(_SECONDS)
        assert not self._thread.is_alive(), "it hangs"
        if self._error is not None:
            raise self._error

    def _run(self) -> None:
        sys.settrace(self._trace)
        try:
            self._act()
        except BaseException as error:  # noqa: BLE001 - raised again by finish()
            self._error = error
        finally:
            sys.settrace(None)
            self._arrived.set()

    def _trace(self, frame: FrameType, event: str, _argument: object) -> Any:
        if frame.f_code.co_name not in self._functions:
            return None
        if event == "line" and not self.was_stopped:
            self._left -= 1
            if self._left < 0:
                self.was_stopped = True
                sys.settrace(None)  # the rest runs at full speed
                self._arrived.set()
                assert self._go_on.wait(_SECONDS)
        return self._trace
