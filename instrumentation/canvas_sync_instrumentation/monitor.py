"""The monitor: one per process, connects settings, sinks and runs.

Its promise: telemetry never breaks, blocks or changes the sync. Internal failures are counted in
``canvas_sync_telemetry_dropped_total`` and logged once by the ``canvas_sync_instrumentation``
logger, and the sync continues. In strict mode they are raised instead.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, Final

import msgspec

from canvas_sync_core.app_log import app_logger
from canvas_sync_core.asynchronous import is_asynchronous, raise_if_asynchronous
from canvas_sync_core.canvas.paging import PageAddress
from canvas_sync_core.clock import Clock, SystemClock
from canvas_sync_core.errors import SettingsError, TrackerMisuseError
from canvas_sync_core.events import DbOperation, Event, RunContext
from canvas_sync_core.files.sanitizing import escape_controls
from canvas_sync_core.identifiers import host_name
from canvas_sync_core.settings import Settings, host_names, read
from canvas_sync_core.sinks import Sink

from .client_hooks import client_hooks, why_no_call_was_seen
from .error_description import described_failure
from .heartbeat import HeartbeatThread
from .interfaces import LiveRun
from .one_per_process import OnePerProcess
from .open_sinks import Sinks, open_sinks
from .operation_sums import OperationSums

if TYPE_CHECKING:
    from .call_recorder import Recorder

__all__ = [
    "Monitor",
    "configure",
    "current_monitor",
    "get_monitor",
    "hook_recorder",
    "install",
    "pinned",
    "shutdown",
]

_logger = app_logger("canvas_sync_instrumentation")

_MULTIPROC_DIR: Final = "PROMETHEUS_MULTIPROC_DIR"
_TOO_LATE: Final = (
    f"{_MULTIPROC_DIR} was changed after telemetry had started: the metrics of this process stay "
    "in {}, where an exporter with the new value does not look. Set it before the first tracker or "
    "hook, or call configure() after changing it."
)


class Monitor:
    """Passes each event to every sink, runs heartbeats, and shuts everything down in time.

    Args:
        settings: The settings.
        sinks: The sinks.
        clock: The clock.

    Attributes:
        spans: Creates spans.
        expects_api_calls: Whether to mention it if a run of this process sees none.
    """

    def __init__(self, settings: Settings, sinks: Sinks, clock: Clock | None = None) -> None:
        self.settings = settings
        self.clock = clock or SystemClock()
        self.host_name = host_name()
        self.canvas_hosts = host_names(",".join(settings.canvas_hosts))
        self.expects_api_calls = True
        self.detailed_logs = settings.detailed_logs
        self.outer_run = _run_context(settings.outer_run)
        self.spans = sinks.spans
        self._sinks = sinks
        self._records_spans = "spans" in sinks.by_name
        self._handlers = tuple((name, sink.handle) for name, sink in sinks.by_name.items())
        self._sums = OperationSums(settings.db_sum_up_after, self.clock, self.emit)
        self._warned: set[str] = set()
        self._runs: set[LiveRun] = set()
        self._heartbeat_thread = HeartbeatThread(settings.heartbeat_seconds, self._on_heartbeat)
        self._multiproc_dir = os.environ.get(_MULTIPROC_DIR)

    @property
    def traces_calls_to_app(self) -> bool:
        """Whether API calls become spans of the app's own tracer provider."""
        return self._records_spans and self.spans.has_provider_of_app

    @property
    def telemetry_fault(self) -> str | None:
        """Which sinks cannot write now, and why; None if all can."""
        faults = ((name, sink.fault) for name, sink in self._sinks.by_name.items())
        return "; ".join(f"{name}: {fault}" for name, fault in faults if fault) or None

    def emit(self, event: Event) -> None:
        """Pass an event to every sink, even if one of them fails.

        An asynchronous exception is passed on to the sync after the other sinks have the event.
        """
        name = ""
        try:
            _process.current()
            for name, handle in self._handlers:
                try:
                    handle(event)
                except Exception as error:  # noqa: BLE001 - telemetry never breaks the sync
                    self.internal_error(name, error)
        except BaseException:
            self._emit_after(name, event)
            raise

    def _emit_after(self, last: str, event: Event) -> None:
        """Pass an event to the sinks that come after the interrupted one; all, if none was."""
        names = [name for name, _ in self._handlers]
        for name, handle in self._handlers[names.index(last) + 1 if last else 0 :]:
            try:
                handle(event)
            except Exception as error:  # noqa: BLE001 - as above
                self.internal_error(name, error)

    def emit_operation(self, operation: DbOperation) -> None:
        """Pass a database operation to every sink; logs and traces may only get its sum."""
        _process.current()
        self._sums.emit_operation(operation)

    def emit_sums(self, task_id: str) -> None:
        """Emit the sums of a run's database operations up to now."""
        self._sums.emit_all(task_id)

    def misuse(self, message: str, detail: str = "") -> None:
        """Warn of incorrect use.

        Args:
            message: What is wrong and what to do; each message is logged once.
            detail: The part that varies, such as the wrong value.

        Raises:
            TrackerMisuseError: In strict mode.
        """
        _process.current()
        whole = escape_controls(f"{message} {detail}" if detail else message)
        if self.settings.strict:
            raise TrackerMisuseError(whole)
        self._count_drop("tracker", "misuse")
        self._warn_once(message, whole)

    def internal_error(self, part: str, error: Exception) -> None:
        """Count and log an internal failure; raise it in strict mode, or if it belongs to the sync.

        Call it where ``error`` is caught.
        """
        if self.settings.strict or is_asynchronous(error):
            raise error
        _process.current()
        self._count_drop(part, "internal_error")
        self._warn_once(
            f"{part}:{type(error).__qualname__}",
            f"Telemetry failed in {part}; the sync continues. Please report this.",
            error,
        )

    def warn_of_late_settings(self) -> None:
        """Warn once if the folder of metrics was changed after this monitor chose one."""
        if os.environ.get(_MULTIPROC_DIR) != self._multiproc_dir:
            self._warn_once(_MULTIPROC_DIR, _TOO_LATE.format(self.settings.metrics_folder))

    def note_no_api_call(self, task_id: str) -> None:
        """Explain once why a successful run may have seen no API call."""
        if self.settings.enabled and self.expects_api_calls:
            self._warn_once("no API call", why_no_call_was_seen(task_id, client_hooks))

    def register(self, run: LiveRun) -> None:
        """Keep a run's heartbeat running until :meth:`unregister`."""
        self.warn_of_late_settings()
        self._runs.add(run)
        if not self._heartbeat_thread.start():
            self._sinks.count_drop("tracker", "no_thread")

    def note_call_outside_runs(self, method: str, address: PageAddress) -> None:
        """Note an API call that belongs to no run in all open runs.

        It may fetch a page of a list that one of them is reading.
        """
        for run in tuple(self._runs):
            run.note_call_outside(method, address)

    def unregister(self, run: LiveRun) -> None:
        """Stop a run's heartbeat: it has ended."""
        self._runs.discard(run)

    def deliver_soon(self) -> None:
        """Send spans in the background."""
        if self.spans.makes_spans:
            self._heartbeat_thread.wake()

    def flush(self, timeout: float = 10.0) -> bool:
        """Deliver what is pending within ``timeout`` seconds; return whether nothing is left."""
        deadline = self.clock.monotonic() + timeout
        self._sums.emit_all()
        results = [
            self._flush(name, sink, max(0.0, deadline - self.clock.monotonic()))
            for name, sink in self._sinks.by_name.items()
        ]
        return all(results)

    def shutdown(self, timeout: float | None = None) -> None:
        """End open runs as ``interrupted`` and deliver what is pending.

        Args:
            timeout: Seconds for all of it; ``CANVAS_SYNC_EXIT_TIMEOUT_SECONDS`` when None.
        """
        budget = self.settings.exit_timeout_seconds if timeout is None else timeout
        deadline = self.clock.monotonic() + budget
        for run in tuple(self._runs):
            run.interrupt()
        self._sums.close()
        self._heartbeat_thread.stop()
        for name, sink in self._sinks.closing_order():
            try:
                sink.close(max(0.0, deadline - self.clock.monotonic()))
            except Exception as error:  # noqa: BLE001 - the others are still to be closed
                self.internal_error(name, error)

    def before_fork(self) -> None:
        """Close what a forked child must not inherit open."""
        if self._sinks.store is not None:
            self._sinks.store.before_fork()

    def after_fork_in_parent(self) -> None:
        """Resume after a fork."""
        if self._sinks.store is not None:
            self._sinks.store.after_fork_in_parent()

    def after_fork_in_child(self) -> None:
        """Drop the parent's runs and threads, and restart each sink."""
        for run in tuple(self._runs):
            run.detach()
        self._runs = set()
        self._sums.after_fork_in_child()
        self._heartbeat_thread = HeartbeatThread(
            self.settings.heartbeat_seconds, self._on_heartbeat
        )
        for name, sink in self._sinks.by_name.items():
            try:
                sink.after_fork_in_child()
            except Exception as error:  # noqa: BLE001 - a fork of the app must not fail
                self.internal_error(name, error)

    def _on_heartbeat(self, *, scheduled: bool) -> None:
        if scheduled:
            for run in tuple(self._runs):
                run.heartbeat()
        for name, sink in self._sinks.flushed_by_heartbeat():
            self._flush(name, sink, self.settings.exit_timeout_seconds)

    def _flush(self, name: str, sink: Sink, timeout: float) -> bool:
        try:
            return sink.flush(timeout)
        except Exception as error:  # noqa: BLE001 - the next flush tries again
            self.internal_error(name, error)
            return False

    def _count_drop(self, sink: str, reason: str) -> None:
        try:
            self._sinks.count_drop(sink, reason)
        except Exception as error:  # noqa: BLE001 - the metrics may be what fails
            raise_if_asynchronous(error)

    def _warn_once(self, key: str, message: str, error: Exception | None = None) -> None:
        if key not in self._warned and len(self._warned) < 1000:
            self._warned.add(key)
            described = "" if error is None else f"\n{described_failure(error)}"
            _logger.warning("%s (reported once)%s", message, described)


def _run_context(raw: str | None) -> RunContext | None:
    if raw is None:
        return None
    try:
        return msgspec.json.decode(raw, type=RunContext)
    except msgspec.MsgspecError as error:
        _logger.warning("CANVAS_SYNC_RUN cannot be used: %s. Do not set it yourself.", error)
        return None


def configure(
    settings: Settings | None = None,
    *,
    environ: Mapping[str, str] | None = None,
    **overrides: Any,
) -> Monitor:
    """Set up the monitor of this process, replacing the previous one.

    Calling it is optional: the first tracker or hook does so from the environment.

    Args:
        settings: The settings; if None, they are read from ``environ``.
        environ: Environment variables, also the ``OTEL_*`` ones; by default ``os.environ``.
        overrides: Fields of :class:`~canvas_sync_core.settings.Settings` that win over
            ``environ``.

    Raises:
        SettingsError: A setting has a value that cannot be used.
    """
    environ = os.environ if environ is None else environ
    settings = settings or read(Settings, environ, **overrides)
    if _process.pinned is not None:
        return _process.pinned
    monitor = Monitor(settings, open_sinks(settings, environ))
    install(monitor)
    return monitor


def install(monitor: Monitor) -> None:
    """Make ``monitor`` the current one and shut down the previous one."""
    before = _process.install(monitor)
    if before is not None:
        before.shutdown()


@contextlib.contextmanager
def pinned(monitor: Monitor) -> Iterator[None]:
    """Keep ``monitor`` the current one even if the app calls configure(): for tests.

    The previous monitor is not changed, and is current again afterwards.
    """
    pinned_before, _process.pinned = _process.pinned, monitor
    before = _process.install(monitor)
    try:
        yield
    finally:
        with _process.lock:
            _process.instance, _process.pinned = before, pinned_before
        monitor.shutdown()


def get_monitor() -> Monitor:
    """Return the monitor of this process; set it up from the environment if there is none yet.

    If it cannot be set up, one line is logged and nothing is recorded: neither a typo in a setting
    nor a call during interpreter shutdown may stop a sync. :func:`configure` raises instead.
    """
    monitor = _process.current()
    if monitor is not None:
        return monitor
    with _process.lock:
        if _process.instance is None:
            try:
                configure()
            except Exception as error:  # noqa: BLE001 - whatever it is, the sync continues
                raise_if_asynchronous(error)
                is_ours = not isinstance(error, SettingsError)
                _logger.error(
                    "Nothing is recorded. %s", described_failure(error) if is_ours else error
                )
                configure(Settings(enabled=False), environ={})
        assert _process.instance is not None  # noqa: S101 - configure() has just installed it
        return _process.instance


def current_monitor() -> Monitor | None:
    """Return the monitor of this process if there is one, without setting one up."""
    return _process.current()


def hook_recorder() -> Recorder:
    """Return the recorder for hooks, which follows later calls of :func:`configure`."""
    from .call_recorder import Recorder  # noqa: PLC0415 - slow, and a job without hooks needs none

    return Recorder(get_monitor)


def shutdown(timeout: float | None = None) -> None:
    """End open runs as ``interrupted`` and deliver pending data; called automatically at exit.

    Args:
        timeout: Seconds for all of it; ``CANVAS_SYNC_EXIT_TIMEOUT_SECONDS`` when None.
    """
    _process.current()
    with _process.lock:
        monitor, _process.instance = _process.instance, _process.pinned
    if monitor is not None:
        monitor.shutdown(timeout)


_process: Final = OnePerProcess[Monitor](shutdown)
