"""A real Redis and real Celery workers on it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from celery import Celery
from sqlalchemy import Engine

from canvas_sync_core.store.database import open_engine
from canvas_sync_core.store.queries import run_by_task
from canvas_sync_core.store.runs import RunRow

from .programs import required
from .prometheus import eventually
from .tables import create_tables

__all__ = ["Worker", "redis", "worker"]

_SECONDS = 600


@contextmanager
def redis() -> Iterator[str]:
    """Run a Redis that keeps nothing, on a socket in the file system; gives its URL for Celery."""
    with tempfile.TemporaryDirectory(prefix="redis-") as folder:  # a socket's path must be short
        socket = Path(folder) / "redis"
        command = [required("redis-server"), "--port", "0", "--unixsocket", str(socket)]
        server = subprocess.Popen(
            [*command, "--save", "", "--dir", folder], stdout=subprocess.DEVNULL
        )
        try:
            eventually(socket.exists, "Redis")
            yield f"redis+socket://{socket}"
        finally:
            server.kill()
            server.wait()


@dataclass(frozen=True, slots=True)
class Worker:
    """A Celery worker.

    Attributes:
        app: Module of its app.
        client: Sends tasks.
        folder: Of its logs; the state folder lies inside.
        table: The database with the runs.
        process: Its main process.
        output: What it prints.
    """

    app: str
    client: Celery
    folder: Path
    table: Engine
    process: subprocess.Popen[bytes]
    output: Path

    def send(self, task: str, **arguments: object) -> str:
        """Send a task and return its id."""
        return str(self.client.send_task(f"{self.app}.{task}", kwargs=arguments).id)

    def row(self, task_id: str) -> RunRow | None:
        """Look up a task's run."""
        return run_by_task(self.table, task_id)

    def run(self, task_id: str, status: str) -> RunRow:
        """Wait until a task's run has a status."""

        def look() -> RunRow | None:
            found = self.row(task_id)
            return found if found is not None and found.sync_status == status else None

        return eventually(look, f"{task_id} {status}")

    def children(self) -> list[int]:
        """Process ids of the children of its pool, in order."""
        pid = self.process.pid
        return sorted(map(int, Path(f"/proc/{pid}/task/{pid}/children").read_text().split()))

    def stop(self) -> int:
        """Shut it down as service managers do, and return its exit code."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(_SECONDS)


@contextmanager
def worker(
    folder: Path,
    broker: str,
    canvas: str,
    *options: str,
    app: str = "support.celery_syncs",
    environ: Mapping[str, str] | None = None,
) -> Iterator[Worker]:
    """Run a worker until it is stopped.

    Args:
        folder: For its logs and output.
        broker: As :func:`redis` gives it.
        canvas: URL of a Canvas.
        options: Of ``celery worker``.
        app: Module of its app.
        environ: Further variables.
    """
    output = folder / "worker.out"
    state = folder / "logs" / "state"
    state.mkdir(parents=True)
    table = open_engine(f"sqlite:///{state / 'canvas_sync.sqlite3'}")
    create_tables(table)
    command = [sys.executable, "-m", "celery", "-A", app, "worker"]
    variables = {
        "BROKER": broker,
        "CANVAS": canvas,
        "CANVAS_SYNC_LOG_DIR": str(folder / "logs"),
        "CANVAS_SYNC_STRICT": "true",
        "CANVAS_SYNC_HEARTBEAT_SECONDS": "1",
        "CANVAS_SYNC_EXIT_TIMEOUT_SECONDS": "30",
        "PYTHONPATH": str(Path(__file__).parents[1]),
        **(environ or {}),
    }
    quiet = ["--without-gossip", "--without-mingle", "--loglevel", "INFO"]
    with output.open("wb") as file:
        process = subprocess.Popen(
            [*command, *quiet, *options],
            stdout=file,
            stderr=subprocess.STDOUT,
            env={**os.environ, **variables},
            start_new_session=True,
        )
    client = Celery(broker=broker, backend="disabled")
    try:
        eventually(lambda: b" ready." in output.read_bytes(), "a ready worker")
        yield Worker(app, client, folder / "logs", table, process, output)
    finally:
        client.close()
        table.dispose()
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
