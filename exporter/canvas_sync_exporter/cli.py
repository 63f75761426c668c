"""Entry point of ``canvas-sync-monitor``: Ctrl-C never causes a traceback, even during start-up.

This module imports next to nothing, so that the signal handler is installed before any slow import.
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
        argv: The arguments without the program's name; by default those of this process.

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
    """Run the command of this process; Ctrl-C during its exit causes no traceback either.

    Returns:
        The exit code.
    """
    code = main()
    if _is_ctrl_c_ours():
        signal.signal(signal.SIGINT, _end)
    return code


@contextmanager
def _ending_at_once() -> Iterator[None]:
    """While modules are being loaded, there is nothing to shut down."""
    is_ours = _is_ctrl_c_ours()
    if is_ours:
        signal.signal(signal.SIGINT, _end)
    try:
        yield
    finally:
        if is_ours:
            signal.signal(signal.SIGINT, signal.default_int_handler)


def _outlive_hangups() -> None:
    """Ignore SIGHUP, which reloads a running exporter, until the exporter can handle it."""
    is_main = threading.current_thread() is threading.main_thread()
    if is_main and signal.getsignal(signal.SIGHUP) is signal.SIG_DFL:
        signal.signal(signal.SIGHUP, lambda *_: None)


def _is_ctrl_c_ours() -> bool:
    """Whether no one else handles Ctrl-C: another handler, a shell's background job, a thread."""
    is_main = threading.current_thread() is threading.main_thread()
    return is_main and signal.getsignal(signal.SIGINT) is signal.default_int_handler


def _end(_number: int, _frame: object) -> None:
    os._exit(_INTERRUPTED)


if __name__ == "__main__":
    sys.exit(script())
