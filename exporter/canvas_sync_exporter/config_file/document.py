"""Reads a configuration file into tables and finds the line of each key."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Final

from canvas_sync_core.files.regular_file import read_regular_file

from .lines import KeyPath, find_lines, line_of
from .problems import ConfigFileError, Problem

__all__ = ["MAX_BYTES", "Document", "read_document"]

MAX_BYTES: Final = 256 * 1024
"""Enough for hundreds of sync types; a larger file was probably named by mistake."""
_SETTLED_SECONDS: Final = 1.0
_PAUSE_SECONDS: Final = 0.1
_ATTEMPTS: Final = 30
_AT_LINE: Final = re.compile(r" \(at (?:line (\d+), column \d+|end of document)\)$")
_QUOTES: Final = 'put texts between quotes, such as grace = "45m"'


@dataclass(frozen=True)
class Document:
    """A parsed TOML file.

    Attributes:
        path: The file.
        data: Its tables.
        text: Its text, with line feeds as line endings.
    """

    path: Path
    data: Mapping[str, Any]
    text: str

    def line_of(self, path: KeyPath) -> int:
        """Return the line of a key, or of the closest enclosing table."""
        return line_of(self._lines, path)

    @cached_property
    def _lines(self) -> dict[KeyPath, int]:
        return find_lines(self.text)


def read_document(path: Path, sleep: Callable[[float], None] = time.sleep) -> Document:
    """Read a file of at most :data:`MAX_BYTES`.

    A file that was changed within the last second is read again until it stays the same, because it
    may be half written.

    Raises:
        ConfigFileError: The file cannot be read or is not valid TOML.
    """
    import tomllib  # noqa: PLC0415 - slow, and there may be no file

    text = _read_until_stable(path, sleep).removeprefix("\ufeff").replace("\r\n", "\n")
    try:
        return Document(path, tomllib.loads(text), text)
    except RecursionError:
        raise ConfigFileError(path, [Problem(0, "its values are nested too deeply")]) from None
    except ValueError as error:
        raise ConfigFileError(path, [_syntax_problem(str(error), text)]) from None


def _read_until_stable(path: Path, sleep: Callable[[float], None]) -> str:
    text = _read(path)
    for _ in range(_ATTEMPTS):
        if not _is_fresh(path):
            return text
        sleep(_PAUSE_SECONDS)
        before, text = text, _read(path)
        if text == before and text:
            return text
    if not text:
        return text  # emptied on purpose
    raise ConfigFileError(path, [Problem(0, "it keeps changing; try again later")])


def _is_fresh(path: Path) -> bool:
    try:
        return abs(time.time() - path.stat().st_mtime) < _SETTLED_SECONDS
    except OSError:
        return False  # reading it again will report why


def _read(path: Path) -> str:
    try:
        text = read_regular_file(path).text
    except FileNotFoundError:
        message = "there is no such file; create it, or set CANVAS_SYNC_CONFIG to another one"
        raise ConfigFileError(path, [Problem(0, message)]) from None
    except OSError as error:
        message = f"it cannot be read: {error.strerror or error}"
        raise ConfigFileError(path, [Problem(0, message)]) from None
    except ValueError as error:
        raise ConfigFileError(path, [Problem(0, f"it cannot be used: {error}")]) from None
    if len(text.encode()) > MAX_BYTES:
        raise ConfigFileError(path, [Problem(0, f"it is larger than {MAX_BYTES // 1024} KiB")])
    return text


def _syntax_problem(message: str, text: str) -> Problem:
    match = _AT_LINE.search(message)
    if match is None:
        return Problem(0, f"it is not TOML: {message[:200]}")
    reason = message[: match.start()]
    if match[1] is None:
        return Problem(text.count("\n") + 1, f"the file ends too early: {reason}")
    line = int(match[1])
    content = text.split("\n")[line - 1].strip()
    hint = f"; {_QUOTES}" if "=" in content and "Cannot overwrite" not in reason else ""
    return Problem(line, f"{content[:80]!r} is not TOML: {reason}{hint}")
