"""The code in an error's traceback: which of it belongs to the app, and where the error was.

Of a frame, only the code and the line are read, never its variables, which may contain data.
"""

from __future__ import annotations

import opcode
import os
import sys
from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache
from itertools import islice
from pathlib import Path
from types import CodeType, FrameType, TracebackType
from typing import Any, Final

import msgspec

from canvas_sync_core.patterns import late_pattern

__all__ = [
    "CodeLocation",
    "app_locations",
    "callers",
    "formatted",
    "is_raised_by_statement",
    "traceback_of",
]

_MOST_FRAMES: Final = 500
"""Number of frames read at either end of a traceback, which recursion can make very long."""
_MOST_LOCATIONS: Final = 20
_FIRST_PLACES: Final = 5
_LONGEST_NAME: Final = 100

_OURS: Final = ("canvas_sync_instrumentation", "canvas_sync_exporter")
_OUR_FOLDER: Final = str(Path(__file__).resolve().parents[1]) + os.sep
_INSTALLED: Final = frozenset({"site-packages", "dist-packages"})
_PLAIN_NAME: Final = late_pattern(r"[\w.<>-]+")
_RAISE: Final = "RAISE_VARARGS"


class CodeLocation(msgspec.Struct, frozen=True):
    """A line of code that was being executed.

    Attributes:
        code: The function.
        line: Number of the line; None for code that has none.
        variables: The global variables of its module, of which those are read that name it.
    """

    code: CodeType
    line: int | None
    variables: Mapping[str, Any]

    @property
    def module(self) -> str:
        """Name of its module; empty when it has none."""
        name = self.variables.get("__name__")
        return name if isinstance(name, str) else ""

    @property
    def owner(self) -> str:
        """The owner of the code: ``app``, ``installed``, ``python``, or ``ours``."""
        path = self.code.co_filename
        if self.module.partition(".")[0] in _OURS or path.startswith(_OUR_FOLDER):
            return "ours"  # by its file: code that a hook has put into another module
        if path.startswith("<") and not path.startswith("<frozen "):
            # SQLAlchemy's decorators have the name of the decorated module, but not its file.
            module = sys.modules.get(self.module)
            file = self.variables.get("__file__") or getattr(module, "__file__", None)
            path = file if isinstance(file, str) else ""
        return _owner_of(path, is_top_level=self.code.co_name == "<module>")

    def __str__(self) -> str:
        line = "?" if self.line is None else str(self.line)
        return f"{_plain(self.module)}:{_plain(self.code.co_qualname)}:{line}"


def traceback_of(error: BaseException) -> list[CodeLocation]:
    """Return the places of an error's traceback, outermost first."""
    return [
        CodeLocation(each.tb_frame.f_code, each.tb_lineno, each.tb_frame.f_globals)
        for each in _both_ends(_tracebacks(error.__traceback__))
    ]


def callers() -> list[CodeLocation]:
    """Return the currently executing code, outermost first, without our own."""
    frames = islice(_stack(sys._getframe(1)), _MOST_FRAMES)
    found = [CodeLocation(each.f_code, each.f_lineno, each.f_globals) for each in frames]
    return [location for location in reversed(found) if location.owner != "ours"]


def app_locations(locations: Iterable[CodeLocation], owner: str = "app") -> list[CodeLocation]:
    """Choose the places in the app's own code: not Python's, installed, or ours."""
    return [location for location in locations if location.owner == owner]


def formatted(locations: Iterable[CodeLocation]) -> tuple[str, ...]:
    """Format places as ``module:function:line``, at most 20, without repetitions."""
    written: list[str] = []
    for text in map(str, locations):
        if not written or written[-1] != text:
            written.append(text)
    if len(written) > _MOST_LOCATIONS:
        written[_FIRST_PLACES : _FIRST_PLACES - _MOST_LOCATIONS] = []
    return tuple(written)


def is_raised_by_statement(error: BaseException) -> bool:
    """Return whether a ``raise`` statement raised it, not the interpreter or C code."""
    last = deque(_tracebacks(error.__traceback__), maxlen=1)
    if not last:
        return True
    code, instruction = last[0].tb_frame.f_code.co_code, last[0].tb_lasti
    return 0 <= instruction < len(code) and code[instruction] == opcode.opmap[_RAISE]


def _tracebacks(first: TracebackType | None) -> Iterator[TracebackType]:
    while first is not None:
        yield first
        first = first.tb_next


def _stack(frame: FrameType | None) -> Iterator[FrameType]:
    while frame is not None:
        yield frame
        frame = frame.f_back


def _both_ends(entries: Iterator[TracebackType]) -> list[TracebackType]:
    return [*islice(entries, _MOST_FRAMES), *deque(entries, maxlen=_MOST_FRAMES)]


@lru_cache(maxsize=2048)
def _owner_of(path: str, *, is_top_level: bool) -> str:
    if path.startswith("<frozen "):
        return "python"
    if not _INSTALLED.isdisjoint(Path(path).parts):
        return "installed"
    folder = os.path.dirname(path)  # noqa: PTH120 - a path that need not be one
    if is_top_level and folder and folder == os.path.dirname(sys.executable):  # noqa: PTH120
        return "python"  # the script that pip makes for a command: nobody has written it
    standard = os.path.dirname(os.__file__)  # noqa: PTH120
    return "python" if path.startswith(standard + os.sep) else "app"


def _plain(name: str) -> str:
    """Remove a name that cannot occur in source code: it may be data."""
    return name[:_LONGEST_NAME] if _PLAIN_NAME.fullmatch(name) else "?"
