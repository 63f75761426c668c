"""Runs a command as a sync run.

The command inherits the wrapper's standard streams, unless its output is kept. It gets the run
through its environment: ``TRACEPARENT``, and ``CANVAS_SYNC_RUN`` for our hooks. It is run even if
telemetry fails.
"""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Final

from canvas_sync_core.app_log import app_logger
from canvas_sync_core.canvas.redaction import redact
from canvas_sync_core.clock import monotonic
from canvas_sync_core.events import RunContext
from canvas_sync_core.identifiers import getpid
from canvas_sync_instrumentation.monitor import get_monitor
from canvas_sync_instrumentation.pid_lock import PidLock

from .exit_words import exit_words, signal_name, signal_words, start_failure
from .job import CommandResult, Job
from .output import OutputKeeper
from .recording import RecordedRun, record_for_killed_wrapper
from .signals import STOPPING, Signals

__all__ = ["NOT_EXECUTABLE", "NOT_FOUND", "OVERLAPS", "run_command"]

OVERLAPS: Final = 75
"""EX_TEMPFAIL of sysexits(3): try again later."""
NOT_EXECUTABLE: Final = 126
NOT_FOUND: Final = 127

_SIGNAL_BASE: Final = 128

_logger = app_logger("canvas_sync_instrumentation")


class ExitCode(Exception):  # noqa: N818 - its name is a label value
    """The command ended by itself, with an exit code other than 0."""


class Signal(Exception):  # noqa: N818 - as above
    """A signal ended the command."""


def run_command(
    job: Job, on_start: Callable[[RunContext | None], None] = lambda _: None
) -> CommandResult:
    """Run a command as a sync run.

    Args:
        job: The command.
        on_start: Called with the run before the command starts; not if it is already running.

    Returns:
        How it ended; the exit code is 128 and the number of the signal that ended it, or
        :data:`NOT_FOUND` or :data:`NOT_EXECUTABLE`.

    Raises:
        AlreadyRunningError: The same job is already running; only with ``no_overlap``.
    """
    with ExitStack() as stack:
        keeper = _start_keeper(job)  # before there are threads, because it forks
        if keeper is not None:
            stack.callback(keeper.close)
        inherited = stack.enter_context(_lock(job))
        signals = stack.enter_context(Signals())
        running = _Running(job, keeper, signals)
        on_start(running.context)
        return running.execute(inherited)


class _Running:
    """A command from its start to its end.

    Attributes:
        context: Its run; None if nothing is recorded.
    """

    def __init__(self, job: Job, keeper: OutputKeeper | None, signals: Signals) -> None:
        self._job = job
        self._keeper = keeper
        self._signals = signals
        self._run = RecordedRun(job)
        self._start = monotonic()
        self.context = self._run.context

    def execute(self, inherited: tuple[int, ...]) -> CommandResult:
        """Run the command and record how it ended.

        Args:
            inherited: Descriptors that the command inherits.
        """
        stopped = self._signals.seen & STOPPING
        if stopped:  # before there was anything to pass it on to
            return self._stopped_by(min(stopped))
        in_own_group = not _has_terminal()
        if self._keeper is not None:
            self._keeper.on_starting(self.context)
        try:
            process = self._spawn(inherited, in_own_group=in_own_group)
        except OSError as error:
            return self._not_started(error)
        self._signals.forward_to(process, in_own_group=in_own_group)
        if self._keeper is not None:
            self._keeper.on_started(process.pid)
        status = process.wait()
        self._record_output()
        return self._ended_with(status)

    def _spawn(self, inherited: tuple[int, ...], *, in_own_group: bool) -> subprocess.Popen[bytes]:
        keeper = self._keeper
        process = subprocess.Popen(  # noqa: S603 - to run it is what we are asked for
            self._job.words,
            env={**os.environ, **self._run.environ},
            pass_fds=inherited,
            process_group=0 if in_own_group else None,
            stdout=None if keeper is None else keeper.stdout,
            stderr=None if keeper is None else keeper.stderr,
        )
        if keeper is not None:
            keeper.close_pipes()
        return process

    def _record_output(self) -> None:
        if self._keeper is None:
            return
        try:
            output = self._keeper.last_lines()
        except ChildProcessError:
            _logger.error("The last lines of the output are lost: their process was killed.")
            return
        if output is not None:
            self._run.record_output(output)
            self._keeper.on_recorded()

    def _stopped_by(self, number: signal.Signals) -> CommandResult:
        self._run.end(None, is_cancelled=True)
        failure = f"stopped by {signal_words(number)} before it started"
        return self._result(_SIGNAL_BASE + number, failure, is_cancelled=True)

    def _not_started(self, error: OSError) -> CommandResult:
        # The error's own message quotes the command, which is masked as a value would be.
        reason = start_failure(self._job.words[0], error)
        self._run.end(type(error)(f"{self._job.name} cannot be started: {reason}."))
        failure = f"{redact(self._job.words[0])} cannot be started: {reason}"
        is_missing = isinstance(error, FileNotFoundError)
        return self._result(NOT_FOUND if is_missing else NOT_EXECUTABLE, failure)

    def _ended_with(self, status: int) -> CommandResult:
        failure = _failure(self._job, status)
        is_cancelled = bool(failure and self._signals.seen & STOPPING)
        self._run.end(failure, is_cancelled=is_cancelled)
        code = status if status >= 0 else _SIGNAL_BASE - status
        return self._result(code, exit_words(status), is_cancelled=is_cancelled)

    def _result(self, exit_code: int, failure: str, *, is_cancelled: bool = False) -> CommandResult:
        return CommandResult(
            exit_code=exit_code,
            failure=failure,
            is_cancelled=is_cancelled,
            seconds=monotonic() - self._start,
            run=self.context,
        )


def _start_keeper(job: Job) -> OutputKeeper | None:
    if not job.keep_output:
        return None
    keeper = OutputKeeper.start(job.keep_output, record_for_killed_wrapper)
    if keeper is None:
        _logger.error("The output is not kept: the system cannot start another process.")
    return keeper


@contextmanager
def _lock(job: Job) -> Iterator[tuple[int, ...]]:
    """Hold the lock if requested; yield the descriptors that the command inherits."""
    lock = None
    if job.no_overlap:
        began = time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime())
        try:
            folder = get_monitor().settings.state_folder / "overlap"
            lock = PidLock(folder / f"{job.lock_name}.lock", f"since {began}, process {getpid()}")
        except OSError as error:
            _logger.error(
                "The job is started without checking whether it is already running: %s. Make the "
                "folder writable.",
                error,
            )
    try:
        yield () if lock is None else (lock.fd,)
    finally:
        if lock is not None:
            lock.release()


def _failure(job: Job, status: int) -> Exception | None:
    if status == 0:
        return None
    if status > 0:
        return ExitCode(f"{job.name} ended with exit code {status}.")
    return Signal(f"{job.name} was ended by {signal_name(-status)}.")


def _has_terminal() -> bool:
    """Return whether we are in a terminal's foreground, which signals the command itself."""
    try:
        return os.tcgetpgrp(0) == os.getpgrp()
    except OSError:
        return False
