"""Entry point of ``canvas-sync-monitor``: Ctrl-C never causes a traceback, even during start-up.

This module imports next to nothing, so that the signal handler is installed before any slow import.
"""

import gc
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
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
    return _run(sys.argv[1:] if argv is None else argv, lambda: None)


def _run(words: Sequence[str], when_loaded: Callable[[], object]) -> int:
    if words[:1] == ["serve"]:
        _outlive_hangups()
    try:
        with _loading():
            from .command_line import execute, missing_package, parse  # noqa: PLC0415 - slow
        try:
            with _loading():
                arguments = parse(words)
            when_loaded()
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
    code = _run(sys.argv[1:], _prepare_memory)
    if _is_ctrl_c_ours():
        signal.signal(signal.SIGINT, _end)
    return code


def _prepare_memory() -> None:
    """Keep what was loaded out of garbage collection, and let the threads of ``serve`` share."""
    gc.freeze()
    if sys.argv[1:2] == ["serve"]:
        from .one_heap import use_one_heap  # noqa: PLC0415 - only here

        use_one_heap()


@contextmanager
def _loading() -> Iterator[None]:
    """While modules are being loaded, there is nothing to shut down and no garbage to collect.

    Each collection would visit all that was loaded before: a fifth of the start of ``serve``.
    """
    is_ours, collects = _is_ctrl_c_ours(), gc.isenabled()
    if is_ours:
        signal.signal(signal.SIGINT, _end)
    gc.disable()
    try:
        yield
    finally:
        if collects:
            gc.enable()
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
