"""Where ``canvas-sync-monitor`` begins: Ctrl-C ends it without a traceback from its first moment.

This module imports next to nothing, so that the signal is taken care of before anything that takes
time is imported.
"""

import os
import signal
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

__all__ = ["main", "script"]

_INTERRUPTED = 130


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command.

    Args:
        argv: The arguments without the program's name; those of this process when None.

    Returns:
        The exit code.
    """
    words = sys.argv[1:] if argv is None else argv
    if words[:1] == ["serve"]:
        _outlive_hangups()
    try:
        with _ending_at_once():
            from .command_line import execute, missing_package, parse  # noqa: PLC0415 - slow
        try:
            with _ending_at_once():
                arguments = parse(words)
            return execute(arguments)
        except ImportError as error:
            return missing_package(words, error)
    except KeyboardInterrupt:
        return _INTERRUPTED


def script() -> int:
    """Run the command of this process, whose exit Ctrl-C ends without a traceback as well.

    Returns:
        The exit code.
    """
    code = main()
    if _is_ctrl_c_ours():
        signal.signal(signal.SIGINT, _end)
    return code


@contextmanager
def _ending_at_once() -> Iterator[None]:
    """While modules are loaded there is nothing to end in good order."""
    is_ours = _is_ctrl_c_ours()
    if is_ours:
        signal.signal(signal.SIGINT, _end)
    try:
        yield
    finally:
        if is_ours:
            signal.signal(signal.SIGINT, signal.default_int_handler)


def _outlive_hangups() -> None:
    """Let SIGHUP, which is to reload a serving exporter, not end one that has read nothing yet."""
    is_main = threading.current_thread() is threading.main_thread()
    if is_main and signal.getsignal(signal.SIGHUP) is signal.SIG_DFL:
        signal.signal(signal.SIGHUP, lambda *_: None)


def _is_ctrl_c_ours() -> bool:
    """Whether nobody else handles it: another handler, a shell's background job, a thread."""
    is_main = threading.current_thread() is threading.main_thread()
    return is_main and signal.getsignal(signal.SIGINT) is signal.default_int_handler


def _end(_number: int, _frame: object) -> None:
    os._exit(_INTERRUPTED)


if __name__ == "__main__":
    sys.exit(script())
