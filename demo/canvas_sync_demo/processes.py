"""The processes of the demo: the exporter, and one worker for each sync."""

from __future__ import annotations

import contextlib
import datetime as dt
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import requests

from canvas_sync_core.errors import CanvasSyncMonitorError
from canvas_sync_core.files.modes import shared_opener

__all__ = ["DemoError", "Stage", "free_port", "running", "serving", "sync_arguments", "wait_until"]

_DEFAULT_PORT = 5000
_START_SECONDS = 120.0
_END_SECONDS = 10.0
_TOKENS_LAST = dt.timedelta(days=60)


class DemoError(CanvasSyncMonitorError):
    """The demo cannot go on; the message says why."""


@dataclass(frozen=True, slots=True)
class Stage:
    """Where the demo has its files, and the port of its exporter.

    Attributes:
        folder: Of all files; absolute.
        port: Of the exporter.
    """

    folder: Path
    port: int

    @property
    def logs(self) -> Path:
        """Folder of the five logs."""
        return self.folder / "logs"

    @property
    def app_database(self) -> Path:
        """The sync app's own database."""
        return self.folder / "app.sqlite3"

    @property
    def metrics_database(self) -> Path:
        """The database with the table of runs."""
        return self.logs / "state" / "canvas_sync.sqlite3"

    @property
    def exporter_output(self) -> Path:
        """What the exporter itself says."""
        return self.folder / "exporter.out"

    @property
    def url(self) -> str:
        """Base URL of the exporter."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def api(self) -> str:
        """Base URL of the REST API."""
        return f"{self.url}/api/canvas/metrics"

    def environment(self, **more: str) -> dict[str, str]:
        """The children's environment: ours, but telemetry goes to this folder and nowhere else."""
        inherited = {
            name: value
            for name, value in os.environ.items()
            if name != "PROMETHEUS_MULTIPROC_DIR"
            and (not name.startswith("CANVAS_SYNC_") or name == "CANVAS_SYNC_STRICT")
        }
        return {
            **inherited,
            "CANVAS_SYNC_LOG_DIR": str(self.logs),
            "CANVAS_SYNC_HEARTBEAT_SECONDS": "1",
            "CANVAS_SYNC_INTERRUPTED_AFTER_SECONDS": "3",
            **more,
        }


def free_port(wanted: int | None) -> int:
    """Find a port for the exporter: the wanted one, else 5000, else any.

    Raises:
        DemoError: The wanted port is taken.
    """
    for port in (_DEFAULT_PORT, 0) if wanted is None else (wanted,):
        with contextlib.suppress(OSError), socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(("127.0.0.1", port))
            return int(probe.getsockname()[1])
    raise DemoError(f"Port {wanted} of 127.0.0.1 is taken. Say another one with --port.")


@contextlib.contextmanager
def running(
    arguments: list[str], environment: Mapping[str, str], output: Path
) -> Iterator[subprocess.Popen[bytes]]:
    """Run ``python <arguments>`` while the block lasts; at its end the process is ended too.

    Args:
        arguments: Those of the Python interpreter.
        environment: The whole of it.
        output: File to which the process's output is added.
    """
    with open(output, "ab", opener=shared_opener) as file:
        process = subprocess.Popen(  # noqa: S603 - our own interpreter and modules
            [sys.executable, *arguments],
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=file,
            stderr=file,
            process_group=0,  # Ctrl-C goes to the demo, which stops the others in order
        )
    try:
        yield process
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
        try:
            process.wait(_END_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def sync_arguments(
    task_id: str, user_id: int, sync_type: str, canvas_url: str, database: Path
) -> list[str]:
    """Give Python's arguments for a sync of the app; its token comes by the environment.

    Args:
        task_id: Names the run.
        user_id: Whose courses are copied.
        sync_type: ``full``, ``incremental``.
        canvas_url: Base URL of the Canvas.
        database: File of the app's own database.
    """
    return [
        *("-m", "canvas_sync_demo.sync_app"),
        *("--task-id", task_id),
        *("--user", str(user_id)),
        *("--sync-type", sync_type),
        *("--canvas-url", canvas_url),
        *("--database", str(database)),
    ]


@contextlib.contextmanager
def serving(stage: Stage) -> Iterator[None]:
    """Run the exporter while the block lasts.

    Raises:
        DemoError: It ended at once, or did not answer in time.
    """
    arguments = ["-m", "canvas_sync_exporter.cli", "serve", "--port", str(stage.port)]
    expires = f"demo={dt.date.today() + _TOKENS_LAST:%Y-%m-%d}"
    environment = stage.environment(CANVAS_SYNC_TOKEN_EXPIRES=expires)
    with running(arguments, environment, stage.exporter_output) as process:
        if not wait_until(lambda: process.poll() is not None or _answers(stage), _START_SECONDS):
            raise DemoError(f"The exporter does not answer; see {stage.exporter_output}.")
        if process.poll() is not None:
            lines = stage.exporter_output.read_text(encoding="utf-8", errors="replace").splitlines()
            last_line = lines[-1] if lines else "it said nothing"
            raise DemoError(f"The exporter ended at once: {last_line}")
        yield


def _answers(stage: Stage) -> bool:
    try:
        answer = requests.get(f"{stage.api}/health", timeout=10)
    except requests.RequestException:
        return False
    return answer.ok


def wait_until(condition: Callable[[], bool], seconds: float, pause: float = 0.05) -> bool:
    """Wait until a condition of another process holds; return whether it came to hold in time.

    Args:
        condition: What is waited for.
        seconds: How long at most.
        pause: Seconds between two looks, more where a look is a request.
    """
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(pause)
    return True
