"""Processes that end with the block that needs them, also if it fails or is interrupted."""

from __future__ import annotations

import multiprocessing
import os
import signal
import subprocess
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

__all__ = ["child_process", "kept_bytecode", "working_meanwhile"]

Work = Callable[[str, Any, Any, Any], None]
"""Works on the database with a URL until an event is set, sets another one after its first round,
and puts a list of what it has measured into a queue."""


@contextmanager
def child_process(command: Sequence[str], **options: Any) -> Iterator[subprocess.Popen[str]]:
    """Run a process while the block lasts; its output can be read line by line.

    Args:
        command: The command.
        options: Further arguments of ``Popen``.
    """
    _interrupt_when_terminated()
    with subprocess.Popen(command, text=True, **{"stdout": subprocess.PIPE, **options}) as process:
        try:
            yield process
        finally:
            process.terminate()


@contextmanager
def working_meanwhile(work: Work, url: str) -> Iterator[list[Any]]:
    """Let a process work while the block lasts; the list then has what it has measured."""
    _interrupt_when_terminated()
    spawn = multiprocessing.get_context("spawn")
    stop, ready, answer = spawn.Event(), spawn.Event(), spawn.Queue()
    process = spawn.Process(target=work, args=(url, stop, ready, answer))
    process.start()
    measured: list[Any] = []
    try:
        ready.wait()
        yield measured
        stop.set()
        measured += answer.get()
    finally:
        process.terminate()
        process.join()


@contextmanager
def kept_bytecode() -> Iterator[None]:
    """Let processes that the block starts keep their bytecode, as an installed package has it."""
    with tempfile.TemporaryDirectory() as folder:
        os.environ["PYTHONPYCACHEPREFIX"] = folder
        os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
        yield


def _interrupt_when_terminated() -> None:
    """Leave blocks, as Ctrl-C does, when a time limit such as that of ``timeout`` is over."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)
