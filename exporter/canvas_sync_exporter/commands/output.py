"""Prints what commands find: in colour on a terminal, without control characters."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final, TextIO

import msgspec

from canvas_sync_core.logs import escape_controls, escape_json_controls
from canvas_sync_core.names import DISTRIBUTION, Log

if TYPE_CHECKING:
    from canvas_sync_exporter.logs.search import FoundLine

__all__ = ["LinePrinter", "Painter", "note", "stop_if_output_closes"]

_COLOURS: Final = {
    Log.OPERATIONS: "\x1b[36m",
    Log.API_CALLS: "\x1b[34m",
    Log.DATABASE: "\x1b[35m",
    Log.ERRORS: "\x1b[31m",
    Log.PROGRESS: "\x1b[32m",
}
_LEVEL_COLOURS: Final = {"WARNING": "\x1b[33m", "ERROR": "\x1b[31m"}
_PLAIN: Final = "\x1b[0m"
_BOLD: Final = "\x1b[1m"
_WIDTH: Final = max(map(len, Log))


class Painter:
    """Adds colours on a terminal, unless ``NO_COLOR`` is set.

    Args:
        out: The output stream.
    """

    def __init__(self, out: TextIO) -> None:
        self._is_coloured = out.isatty() and not os.environ.get("NO_COLOR")

    def paint(self, text: str, colour: str | None) -> str:
        """Colour a text with an escape sequence; None leaves it unchanged."""
        return f"{colour}{text}{_PLAIN}" if colour and self._is_coloured else text

    def bold(self, text: str) -> str:
        """Emphasise a text."""
        return self.paint(text, _BOLD)


class LinePrinter:
    """Prints lines.

    Args:
        out: The output stream. On a terminal the log's name is coloured, and so are warnings and
            errors, unless ``NO_COLOR`` is set.
        as_json: Print the whole record as one line of JSON instead of the human-readable line.
    """

    def __init__(self, out: TextIO, *, as_json: bool) -> None:
        self._out = out
        self._as_json = as_json
        self._painter = Painter(out)

    def print(self, line: FoundLine) -> None:
        """Print one line."""
        if self._as_json:
            text = escape_json_controls(msgspec.json.encode(line.fields).decode())
        else:
            paint = self._painter.paint
            name = paint(line.log.value.ljust(_WIDTH), _COLOURS[line.log])
            message = escape_controls(str(line.fields.get("message", "")))
            colour = _LEVEL_COLOURS.get(str(line.fields.get("level")))
            text = f"{name}  {paint(message, colour)}"
        self._out.write(f"{text}\n")

    def flush(self) -> None:
        """Flush the output."""
        self._out.flush()


def note(message: str) -> None:
    """Print a message on standard error, which is not part of the output."""
    print(f"{DISTRIBUTION}: {message}", file=sys.stderr)


@contextmanager
def stop_if_output_closes() -> Iterator[None]:
    """End the block silently if the reader of the output has gone, as with ``head``."""
    try:
        yield
        sys.stdout.flush()
    except BrokenPipeError:
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, sys.stdout.fileno())  # the interpreter flushes once more at its exit
