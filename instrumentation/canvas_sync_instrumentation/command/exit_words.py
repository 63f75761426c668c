"""How a command ended, in words."""

from __future__ import annotations

import errno
import os
import signal
from collections.abc import Mapping
from pathlib import Path
from typing import Final

__all__ = ["exit_words", "signal_name", "signal_words", "start_failure"]

_SIGNAL_BASE: Final = 128
_CODES: Final[Mapping[int, str]] = {
    75: "a temporary failure, by convention",
    126: "in a shell, a command that cannot be executed",
    127: "in a shell, a command that was not found",
}
_OUT_OF_MEMORY: Final = "often by the system, for lack of memory"
_NAMES: Final[Mapping[int, str]] = {int(known): known.name for known in signal.Signals}


def exit_words(status: int) -> str:
    """Return how a command failed, such as ``exit code 3`` or ``ended by SIGTERM (terminated)``.

    Args:
        status: Its exit code, or the negative number of the signal that ended it; 0 gives nothing.
    """
    if status == 0:
        return ""
    if status < 0:
        return f"ended by {signal_words(-status)}"
    meaning = _CODES.get(status, "")
    if status - _SIGNAL_BASE in _NAMES:
        meaning = f"in a shell, a command ended by {signal_words(status - _SIGNAL_BASE)}"
    return f"exit code {status} ({meaning})" if meaning else f"exit code {status}"


def start_failure(word: str, error: OSError) -> str:
    """Return why a command cannot be started, such as ``Permission denied``, and what to do.

    Args:
        word: The first word of the command.
        error: What the system answered.
    """
    advice = ""
    if error.errno == errno.ENOEXEC:
        advice = "if it is a script, begin it with a line such as #!/bin/sh"
    elif error.errno == errno.ENOENT and _exists(word):
        advice = "the interpreter in its first line does not exist, or the line ends with CR and LF"
    elif error.errno == errno.ENOENT and " " in word:
        advice = "if these are several words, do not quote them as one"
    return f"{error.strerror} ({advice})" if advice else str(error.strerror)


def _exists(word: str) -> bool:
    folders = [""] if os.sep in word else os.get_exec_path()
    return any(Path(folder, word).exists() for folder in folders)


def signal_words(number: int) -> str:
    """Return a signal's name and meaning, such as ``SIGTERM (terminated)``."""
    meaning = (signal.strsignal(number) or "").lower()
    words = f"{signal_name(number)} ({meaning})" if meaning else signal_name(number)
    return f"{words}, {_OUT_OF_MEMORY}" if number == signal.SIGKILL else words


def signal_name(number: int) -> str:
    """Return a signal's name, such as ``SIGTERM``."""
    return _NAMES.get(number, f"signal {number}")
