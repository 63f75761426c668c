"""A progress bar on a terminal; nothing in a pipe."""

from __future__ import annotations

import time
from types import TracebackType
from typing import Final, Self, TextIO

__all__ = ["ProgressBar"]

_WIDTH: Final = 30
_SECONDS: Final = 0.1
_ERASE_LINE: Final = "\r\x1b[K"


class ProgressBar:
    """Shows the progress of some work; it disappears when the work is done.

    Args:
        out: The output stream; the bar is shown only on a terminal.
        what: Description of the work.
    """

    def __init__(self, out: TextIO, what: str = "reading logs") -> None:
        self._what = what
        self._out = out
        self._is_shown = out.isatty()
        self._is_drawn = False
        self._next = 0.0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.hide()

    def hide(self) -> None:
        """Hide the bar for a line of output; it is shown again at the next progress."""
        if self._is_drawn:
            self._print(_ERASE_LINE)
        self._is_drawn = False

    def show(self, done: int, total: int) -> None:
        """Show that ``done`` of ``total`` bytes are done."""
        if done >= total:
            self.hide()
            return
        if not self._is_shown or time.monotonic() < self._next:
            return
        self._next = time.monotonic() + _SECONDS
        self._is_drawn = True
        share = done / total
        bar = ("#" * round(share * _WIDTH)).ljust(_WIDTH, ".")
        self._print(f"{_ERASE_LINE}{self._what} [{bar}] {share:4.0%} of {total / 1e6:.0f} MB")

    def _print(self, text: str) -> None:
        print(text, end="", file=self._out, flush=True)
