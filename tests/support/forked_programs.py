"""Python programs in processes of their own that start in milliseconds.

They are forked from a small server that has done the imports, by the standard library's
:mod:`multiprocessing`. Starting an interpreter and importing SQLAlchemy takes most of the time of a
short program. A test that is about imports, the start or the end of an interpreter starts one.
"""

from __future__ import annotations

import atexit
import multiprocessing
import os
import runpy
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import cache
from multiprocessing.connection import Connection
from multiprocessing.context import ForkServerContext
from pathlib import Path

from canvas_sync_exporter.cli import main

__all__ = [
    "ForkedCommand",
    "ForkedModule",
    "ForkedProgram",
    "fork_server",
    "run_command_forked",
    "run_forked",
    "running_forked",
]

_SECONDS = 600
_END_SECONDS = 10
_STDOUT, _STDERR = 1, 2
_IMPORTED = [
    "alembic.command",
    "alembic.config",
    "canvas_sync_core.store.rows",
    "canvas_sync_demo.sync_app.job",
    "canvas_sync_exporter.collectors",
    "canvas_sync_exporter.commands.run",
    "canvas_sync_exporter.commands.serve",
    "canvas_sync_exporter.wrapper.failure_content",
    "canvas_sync_exporter.wrapper.notifying",
    "canvas_sync_exporter.wrapper.ping",
    "canvas_sync_instrumentation.command.running",
    "psycopg",
    "pytest",  # the main module of the tests, which each child imports
    "sqlalchemy.dialects.postgresql.psycopg",
    "sqlalchemy.dialects.sqlite",
    "support.frozen_imports",  # the last
]


class ForkedProgram:
    """A running program, with the most used attributes of :class:`subprocess.Popen`.

    Args:
        code: The program; it sees ``__name__ == "__main__"``.
        arguments: Those after ``sys.argv[0]``, as text.

    Attributes:
        stdin: Its standard input.
        stdout: Its standard output.
    """

    def __init__(self, code: str, *arguments: object) -> None:
        given, written = fork_server().Pipe(duplex=False)
        read, printed = fork_server().Pipe(duplex=False)
        words = [str(each) for each in arguments]
        self._process = fork_server().Process(
            target=_execute,
            args=(code, words, given, printed),
            kwargs={"environ": dict(os.environ), "folder": Path.cwd()},
            daemon=True,
        )
        self._process.start()
        for end in (given, printed):
            end.close()
        self.stdin = os.fdopen(_detached(written), "w")
        self.stdout = os.fdopen(_detached(read))

    @property
    def returncode(self) -> int | None:
        """The exit code, negative for a signal; None while it runs."""
        return self._process.exitcode

    def poll(self) -> int | None:
        """Return the exit code; None while it runs."""
        return self._process.exitcode

    def kill(self) -> None:
        """Kill it by SIGKILL."""
        self._process.kill()

    def wait(self) -> int:
        """Wait for its end, drop what nobody has read, and return the exit code."""
        self._process.join(_SECONDS)
        self.stdin.close()
        self.stdout.close()
        assert self._process.exitcode is not None, "the program does not end"
        return self._process.exitcode

    def communicate(self) -> str:
        """Close its input, wait for its end and return what it has printed and nobody has read."""
        self.stdin.close()
        output = self.stdout.read()
        self.wait()
        return output

    def __enter__(self) -> ForkedProgram:
        """Leave it running for the block."""
        return self

    def __exit__(self, *_: object) -> None:
        """Wait for its end."""
        self.stdin.close()
        self.wait()


class _Forked:
    """A running process, with the most used attributes of :class:`subprocess.Popen`.

    Attributes:
        pid: Its process id.
    """

    def __init__(self, target: Callable[..., None], *arguments: object) -> None:
        self._process = fork_server().Process(target=target, args=arguments, daemon=True)
        self._process.start()
        assert self._process.pid is not None
        self.pid = self._process.pid

    @property
    def returncode(self) -> int | None:
        """The exit code, negative for a signal; None while it runs."""
        return self._process.exitcode

    def poll(self) -> int | None:
        """Return the exit code; None while it runs."""
        return self._process.exitcode

    def send_signal(self, number: int) -> None:
        """Send it a signal unless it has ended."""
        if self._process.exitcode is None:
            os.kill(self.pid, number)

    def terminate(self) -> None:
        """End it by SIGTERM."""
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        """Kill it by SIGKILL."""
        self.send_signal(signal.SIGKILL)

    def wait(self, timeout: float | None = _SECONDS) -> int:
        """Wait for its end and return the exit code."""
        self._process.join(timeout)
        if self._process.exitcode is None:
            raise subprocess.TimeoutExpired(str(self._process), timeout or 0)
        return self._process.exitcode


class ForkedCommand(_Forked):
    """A running command of ours.

    Args:
        words: The command and its arguments.
        environ: Its environment.
        folder: Its working folder.
        host: The name of the host that it believes to be on; None for the real one.

    Attributes:
        stderr: Its standard error.
    """

    def __init__(
        self,
        words: Sequence[str],
        environ: Mapping[str, str],
        folder: Path,
        host: str | None = None,
    ) -> None:
        read, printed = fork_server().Pipe(duplex=False)
        super().__init__(_execute_command, words, {_STDERR: printed}, dict(environ), folder, host)
        printed.close()
        self.stderr = os.fdopen(_detached(read))


class ForkedModule(_Forked):
    """A running ``python -m <module>``.

    Args:
        words: The module's name and its arguments.
        environ: Its environment.
        output: File to which all that it prints is added.
    """

    def __init__(self, words: Sequence[str], environ: Mapping[str, str], output: Path) -> None:
        output.touch()
        super().__init__(_execute_module, list(words), dict(environ), output)


@contextmanager
def running_forked(
    arguments: Sequence[str], environment: Mapping[str, str], output: Path
) -> Iterator[ForkedModule]:
    """Do what :func:`canvas_sync_demo.processes.running` does for ``-m <module>``, but fork."""
    assert arguments[0] == "-m"
    process = ForkedModule(arguments[1:], environment, output)
    try:
        yield process
    finally:
        process.terminate()
        try:
            process.wait(_END_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def run_forked(code: str, *arguments: object) -> int:
    """Run a program to its end and return its exit code."""
    with ForkedProgram(code, *arguments) as program:
        return program.wait()


def run_command_forked(
    words: Sequence[str], environ: Mapping[str, str], folder: Path
) -> subprocess.CompletedProcess[str]:
    """Run a command of ours to its end, with an empty standard input.

    Args:
        words: The command and its arguments.
        environ: Its environment.
        folder: Its working folder.
    """
    pipes = {number: fork_server().Pipe(duplex=False) for number in (_STDOUT, _STDERR)}
    printed = {number: ends[1] for number, ends in pipes.items()}
    process = fork_server().Process(
        target=_execute_command, args=(words, printed, dict(environ), folder, None)
    )
    process.start()
    for end in printed.values():
        end.close()
    with ThreadPoolExecutor(len(pipes)) as readers:
        output, errors = readers.map(_read_all, (read for read, _ in pipes.values()))
    process.join(_SECONDS)
    assert process.exitcode is not None, "the command does not end"
    return subprocess.CompletedProcess(list(words), process.exitcode, output, errors)


@cache
def fork_server() -> ForkServerContext:
    """Return the context whose processes are forked from the server."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(_IMPORTED)
    return context


def _detached(connection: Connection) -> int:
    """Return a descriptor of the connection that a file object can own."""
    descriptor = os.dup(connection.fileno())
    connection.close()
    return descriptor


def _read_all(connection: Connection) -> str:
    with os.fdopen(_detached(connection)) as file:
        return file.read()


def _execute_command(
    words: Sequence[str],
    printed: Mapping[int, Connection],
    environ: dict[str, str],
    folder: Path,
    host: str | None,
) -> None:
    if host is not None:
        socket.gethostname = lambda: host
    for number, end in printed.items():
        os.dup2(end.fileno(), number)
        end.close()
    _reopen_output()
    _set_environment(environ)
    os.chdir(folder)
    try:
        sys.exit(main(words))
    finally:
        atexit._run_exitfuncs()


def _execute_module(words: list[str], environ: dict[str, str], output: Path) -> None:
    descriptor = os.open(output, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o666)
    for number in (_STDOUT, _STDERR):
        os.dup2(descriptor, number)
    _reopen_output()
    _set_environment(environ)
    sys.argv = words
    sys.modules.pop(words[0], None)  # as in a new process: loaded as the main module alone
    try:
        runpy.run_module(words[0], run_name="__main__", alter_sys=True)
    finally:
        atexit._run_exitfuncs()


def _reopen_output() -> None:
    """Print to where the descriptors lead now, as an interpreter does from its start."""
    sys.stdout = open(_STDOUT, "w", closefd=False)  # noqa: SIM115
    sys.stderr = open(_STDERR, "w", buffering=1, closefd=False)  # noqa: SIM115


def _set_environment(environ: Mapping[str, str]) -> None:
    os.environ.clear()
    os.environ.update(environ)


def _execute(
    code: str,
    arguments: list[str],
    given: Connection,
    printed: Connection,
    *,
    environ: dict[str, str],
    folder: Path,
) -> None:
    """Be the program; a process of :mod:`multiprocessing` has neither standard input nor atexit."""
    for end, number in ((given, 0), (printed, 1)):
        os.dup2(end.fileno(), number)
        end.close()
    sys.stdin, sys.stdout = open(0, closefd=False), open(1, "w", closefd=False)  # noqa: SIM115 - as an interpreter does
    _set_environment(environ)
    os.chdir(folder)
    sys.argv = ["-c", *arguments]
    try:
        exec(compile(code, "<forked program>", "exec"), {"__name__": "__main__"})
    finally:
        atexit._run_exitfuncs()
