"""Runs a command as a sync run: for cron jobs and other programs that cannot be changed.

The command inherits the wrapper's standard streams. It gets the run through its environment:
``TRACEPARENT``, and ``CANVAS_SYNC_RUN`` for our hooks. It is run even if telemetry fails.
"""

from __future__ import annotations

import contextlib
import hashlib
import logging
import os
import signal
import subprocess
import time
import uuid
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import Final

import msgspec

from canvas_sync_core.canvas.redaction import redact
from canvas_sync_instrumentation.run.active_run import current_run

from .error_description import described_failure
from .monitor import get_monitor
from .pid_lock import PidLock
from .propagation import trace_headers
from .tracker import CanvasSyncMetricsTracker

__all__ = ["NOT_EXECUTABLE", "NOT_FOUND", "OVERLAPS", "Job", "run_command"]

OVERLAPS: Final = 75
"""EX_TEMPFAIL of sysexits(3): try again later."""
NOT_EXECUTABLE: Final = 126
NOT_FOUND: Final = 127

_SIGNAL_BASE: Final = 128
_FORWARDED: Final = (
    signal.SIGTERM,
    signal.SIGINT,
    signal.SIGHUP,
    signal.SIGQUIT,
    signal.SIGUSR1,
    signal.SIGUSR2,
)
_STOPPING: Final = frozenset({signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGQUIT})
_OF_THE_TERMINAL: Final = frozenset({signal.SIGINT, signal.SIGQUIT})
_SCRIPTS: Final = (".py", ".sh")

_logger = logging.getLogger("canvas_sync_instrumentation")


class ExitCode(Exception):  # noqa: N818 - its name is a label value
    """The command ended by itself, with an exit code other than 0."""


class Signal(Exception):  # noqa: N818 - as above
    """A signal ended the command."""


@dataclass(frozen=True, slots=True)
class Job:
    """The command to run, and how to record it.

    Attributes:
        words: The command and its arguments.
        sync_type: A short word; it becomes a metric label.
        user_id: Canvas id of the user for whom it syncs.
        no_overlap: Whether to refuse to start while the same job is running.
    """

    words: Sequence[str]
    sync_type: str = "full"
    user_id: int | None = None
    no_overlap: bool = False

    @property
    def name(self) -> str:
        """The script's or program's name; further arguments may hold secrets."""
        scripts = (word for word in self.words[1:] if word.endswith(_SCRIPTS))
        script = next((word for word in scripts if Path(word).is_file()), self.words[0])
        return Path(script).name

    @property
    def lock_name(self) -> str:
        """Identifies the job: equal for the same words, sync type and user."""
        identity = msgspec.json.encode([self.sync_type, self.user_id, list(self.words)])
        return hashlib.sha256(identity).hexdigest()[:32]


def run_command(job: Job) -> int:
    """Run a command as a sync run.

    Returns:
        The command's exit code, 128 and the number of the signal that ended it, or
        :data:`NOT_FOUND` or :data:`NOT_EXECUTABLE`.

    Raises:
        AlreadyRunningError: The same job is already running; only with ``no_overlap``.
    """
    with _lock(job) as inherited, _Signals() as signals:
        run = _start(job)
        if stopped := signals.seen & _STOPPING:  # before there was anything to pass it on to
            _end(run, None, stopped=True)
            return _SIGNAL_BASE + min(stopped)
        in_own_group = not _has_terminal()
        try:
            process = _spawn(job, inherited, in_own_group=in_own_group)
        except OSError as error:
            _logger.error("%s cannot be started: %s", redact(job.words[0]), error.strerror)
            _end(run, error)
            return NOT_FOUND if isinstance(error, FileNotFoundError) else NOT_EXECUTABLE
        signals.forward_to(process, in_own_group=in_own_group)
        status = process.wait()
        failure = _failure(job, status)
        _end(run, failure, stopped=bool(failure and signals.seen & _STOPPING))
        return status if status >= 0 else _SIGNAL_BASE - status


@contextlib.contextmanager
def _lock(job: Job) -> Iterator[tuple[int, ...]]:
    """Hold the lock if requested; yield the descriptors that the command inherits."""
    lock = None
    if job.no_overlap:
        began = time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime())
        try:
            folder = get_monitor().settings.state_folder / "overlap"
            lock = PidLock(
                folder / f"{job.lock_name}.lock", f"since {began}, process {os.getpid()}"
            )
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


def _start(job: Job) -> CanvasSyncMetricsTracker | None:
    try:
        get_monitor().expects_api_calls = False  # the command makes them, in its own process
        return CanvasSyncMetricsTracker(
            f"{Path(job.name).stem}-{uuid.uuid4().hex}",
            job.user_id,
            sync_type=job.sync_type,
            metadata={"command": job.name},
        ).__enter__()
    except Exception as error:  # noqa: BLE001 - the command is what matters
        _logger.error(
            "Telemetry failed, the command is run without it. Please report this.\n%s",
            described_failure(error),
        )
        return None


def _end(
    run: CanvasSyncMetricsTracker | None, error: Exception | None, *, stopped: bool = False
) -> None:
    if run is None:
        return
    try:
        if stopped:
            run.complete_cancelled()
        elif error is None:
            run.complete_success()
        else:
            run.complete_failure(error)
        run.__exit__(None, None, None)
    except Exception as failure:  # noqa: BLE001 - as above
        _logger.error(
            "Telemetry failed at the end of the command. Please report this.\n%s",
            described_failure(failure),
        )


def _spawn(job: Job, inherited: tuple[int, ...], *, in_own_group: bool) -> subprocess.Popen[bytes]:
    return subprocess.Popen(  # noqa: S603 - to run it is what we are asked for
        job.words,
        env={**os.environ, **_handed_on()},
        pass_fds=inherited,
        process_group=0 if in_own_group else None,
    )


def _handed_on() -> dict[str, str]:
    """The run, as environment variables for the command."""
    current = current_run()
    if current is None:
        return {}
    context = msgspec.json.encode(current.context).decode()
    return {
        "CANVAS_SYNC_RUN": context,
        **{name.upper(): value for name, value in trace_headers().items()},
    }


def _failure(job: Job, status: int) -> Exception | None:
    if status == 0:
        return None
    if status > 0:
        return ExitCode(f"{job.name} ended with exit code {status}.")
    number = -status
    known = {int(known): known.name for known in signal.Signals}
    return Signal(f"{job.name} was ended by {known.get(number, f'signal {number}')}.")


def _has_terminal() -> bool:
    """Return whether we are in a terminal's foreground, which signals the command itself."""
    try:
        return os.tcgetpgrp(0) == os.getpgrp()
    except OSError:
        return False


class _Signals:
    """Passes signals on to a command; those that arrive before it runs are passed on once it does.

    Attributes:
        seen: The signals received.
    """

    def __init__(self) -> None:
        self.seen: set[signal.Signals] = set()
        self._in_own_group = False
        self._process: subprocess.Popen[bytes] | None = None
        self._before: Mapping[signal.Signals, object] = {}

    def __enter__(self) -> _Signals:
        self._before = {
            number: signal.signal(number, self._receive)
            for number in _FORWARDED
            if signal.getsignal(number) is not signal.SIG_IGN  # nohup, or a shell's background
        }
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)  # type: ignore[arg-type]  # as signal.signal() gave it

    def forward_to(self, process: subprocess.Popen[bytes], *, in_own_group: bool) -> None:
        """Pass signals on to the command, or to its whole process group if it has its own."""
        self._in_own_group = in_own_group
        self._process = process
        for number in tuple(self.seen):
            self._pass_on(
                process, number, from_terminal=False
            )  # it arrived too early for the command

    def _receive(self, number: int, _frame: FrameType | None) -> None:
        received = signal.Signals(number)
        self.seen.add(received)
        if self._process is not None:
            self._pass_on(self._process, received, from_terminal=received in _OF_THE_TERMINAL)

    def _pass_on(
        self, process: subprocess.Popen[bytes], number: signal.Signals, *, from_terminal: bool
    ) -> None:
        if process.returncode is not None:
            return
        with contextlib.suppress(ProcessLookupError):
            if self._in_own_group:
                os.killpg(process.pid, number)
            elif not from_terminal:  # already delivered
                os.kill(process.pid, number)
