"""Commands of ours in this process, which saves the start of an interpreter and its imports.

At least one test of each command starts a process of its own: see :mod:`support.serve_process`.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import logging
import os
import signal
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path
from unittest.mock import patch

from canvas_sync_exporter.cli import main

from .serve_process import environment

__all__ = ["each_command", "run_here"]


def run_here(
    arguments: list[str], folder: Path, settings: Mapping[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """Run a command to its end in this process.

    Args:
        arguments: The command and its arguments.
        folder: The working folder.
        settings: The ``CANVAS_SYNC_*`` settings; none come from the environment.
    """
    output, errors = _text(), _text()
    with (
        patch.dict(os.environ, environment(settings or {}), clear=True),
        contextlib.chdir(folder),
        contextlib.redirect_stdout(output),
        contextlib.redirect_stderr(errors),
        _unconfigured_logging(),
        _same_signal_handlers(),
    ):
        try:
            code: int | str | None = main(arguments)
        except SystemExit as end:
            code = end.code
    assert isinstance(code, int)
    return subprocess.CompletedProcess(arguments, code, _written(output), _written(errors))


def _text() -> io.TextIOWrapper:
    return io.TextIOWrapper(io.BytesIO(), encoding="utf-8", write_through=True)


def _written(text: io.TextIOWrapper) -> str:
    text.seek(0)
    return text.read()


@contextlib.contextmanager
def _unconfigured_logging() -> Iterator[None]:
    """Take pytest's handlers off, so that the command sets up logging as in a new process."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    root.handlers[:] = []
    try:
        yield
    finally:
        root.handlers[:] = handlers
        root.setLevel(level)


@contextlib.contextmanager
def _same_signal_handlers() -> Iterator[None]:
    """Put back the handlers of signals that a command sets for the rest of its process."""
    numbers = (signal.SIGHUP, signal.SIGINT, signal.SIGTERM)
    handlers = [signal.getsignal(number) for number in numbers]
    try:
        yield
    finally:
        for number, handler in zip(numbers, handlers, strict=True):
            signal.signal(number, handler)


def each_command(
    parser: argparse.ArgumentParser, name: str = "canvas-sync-monitor"
) -> Iterator[tuple[str, argparse.ArgumentParser]]:
    """Yield each command below a parser, with the parser of its options."""
    nested = [
        (f"{name} {word}", command)
        for action in parser._actions
        if isinstance(action, argparse._SubParsersAction)
        for word, command in action.choices.items()
    ]
    if not nested:
        yield name, parser
    for longer, command in nested:
        yield from each_command(command, longer)
