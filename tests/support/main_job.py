"""The main job for real: Canvas, syncs, exporter and collector, each a server or a process.

Processes are forked, which saves starting an interpreter and its imports for each of them.

One round: a sync whose logs are rotated away, then several at once, of which one is killed and one
still runs when everything is looked at.
"""

from __future__ import annotations

import contextlib
import os
import re
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import requests
from flask import Flask

from canvas_sync_core.logs.control import ControlPage
from canvas_sync_core.logs.rotation import control_path, rotate
from canvas_sync_core.names import LOGS
from canvas_sync_demo.canvas_server import CanvasServer, FaultPlan, SchoolSize
from canvas_sync_demo.processes import wait_until
from canvas_sync_exporter.web import register_canvas_metrics_api

from .evidence import (
    API,
    OPENMETRICS,
    Answer,
    Evidence,
    Scrape,
    ask,
    read_archives,
    read_logs,
    read_rows,
)
from .forked_programs import ForkedModule, running_forked
from .http import serving
from .messages import all_incident_messages
from .otlp import OtlpReceiver, http_receiver
from .parts import PARTS
from .reports import all_reports

__all__ = ["ENDPOINTS", "play"]

_SCHOOL = SchoolSize(
    teachers=8, courses_per_teacher=2, students=20, students_per_course=12, assignments_per_course=9
)
_PATIENCE = 600.0

ENDPOINTS: Mapping[str, str] = {
    "GET sync/<id>": "sync/{id}",
    "GET sync/task/<task_id>": "sync/task/killed",
    "GET user/<user_id>/summary": "user/48/summary?days=7",
    "GET user/<user_id>/syncs": "user/48/syncs",
    "GET summary": "summary?days=7",
    "GET recent": "recent?limit=5",
    "GET failed": "failed?days=7",
    "GET performance": "performance?days=7",
    "POST logs/cleanup": "logs/cleanup",
    "GET logs/cleanup-status": "logs/cleanup-status",
    "GET health": "health",
}
"""Each endpoint -> what is asked of it; ``{id}`` is the number of the killed run."""


def play(folder: Path, database_url: str | None, *, with_tokens: bool) -> Evidence:
    """Play the round and look at all of it.

    Args:
        folder: For all files; empty.
        database_url: Of an empty PostgreSQL database; None for the embedded SQLite file.
        with_tokens: Whether the exporter asks for access tokens.
    """
    plan = FaultPlan({part.user_id: part.faults for part in PARTS.values()})
    clock = StandingClock()
    with (
        CanvasServer(3, size=_SCHOOL, plan=plan, clock=clock) as canvas,
        http_receiver() as receiver,
    ):
        stage = Stage(folder, database_url, canvas, clock, receiver)
        stage.prepare(with_tokens=with_tokens)
        with stage.exporting():
            stage.run_earlier_sync()
            with contextlib.ExitStack() as processes:
                stage.run_syncs(processes)
                found = stage.look()
        return Evidence(
            driver_error="IntegrityError" if database_url is None else "UniqueViolation",
            canvas_host=canvas.url.removeprefix("http://"),
            secrets=canvas.secrets,
            exit_codes=dict(stage.exit_codes),
            output=stage.output.read_text(),
            **found,
        )


class StandingClock:
    """A clock for the throttle that stands until it is started.

    A bucket that is full stays full, however slow the machine is, until somebody was throttled.
    """

    def __init__(self) -> None:
        self._start: float | None = None

    def __call__(self) -> float:
        return 0.0 if self._start is None else time.monotonic() - self._start

    def start(self) -> None:
        """Let time pass."""
        self._start = time.monotonic()


@dataclass(slots=True)
class Stage:
    """Where the round takes place.

    Attributes:
        exporter_url: Known once the exporter runs.
        headers: What a caller of the exporter sends.
        settings: ``CANVAS_SYNC_*`` of every process.
    """

    folder: Path
    database_url: str | None
    canvas: CanvasServer
    clock: StandingClock
    receiver: OtlpReceiver
    exporter_url: str = ""
    exit_codes: dict[str, int] = field(default_factory=dict)
    headers: dict[str, str] = field(default_factory=dict)
    settings: dict[str, str] = field(default_factory=dict)

    @property
    def logs(self) -> Path:
        """Folder of the logs."""
        return self.folder / "logs"

    @property
    def output(self) -> Path:
        """What all processes print."""
        return self.folder / "output"

    def prepare(self, *, with_tokens: bool) -> None:
        """Do what an operator does once: settings, the table, a token."""
        self.settings = {
            "CANVAS_SYNC_LOG_DIR": str(self.logs),
            "CANVAS_SYNC_STRICT": "true",
            "CANVAS_SYNC_HEARTBEAT_SECONDS": "0.5",
            "CANVAS_SYNC_INTERRUPTED_AFTER_SECONDS": "15",  # a busy machine delays heartbeats
            "CANVAS_SYNC_EXIT_TIMEOUT_SECONDS": "30",
            "CANVAS_SYNC_EXPECTED_INTERVALS": "full=24h",
        }
        if self.database_url is not None:
            self.settings["CANVAS_SYNC_DATABASE_URL"] = self.database_url
            self._command("db", "upgrade")
        if with_tokens:
            tokens = self.folder / "tokens"
            printed = self._command(
                *("token", "new", "--name", "tests", "--scope", "admin", "--file", str(tokens))
            )
            (secret,) = re.findall(r"shown this once: (\S+)", printed)
            self.settings["CANVAS_SYNC_TOKENS_FILE"] = str(tokens)
            self.headers["Authorization"] = f"Bearer {secret}"

    @contextlib.contextmanager
    def exporting(self) -> Iterator[None]:
        """Run the exporter on a free port, and end it by SIGTERM."""
        output = self.folder / "exporter.output"
        arguments = ["-m", "canvas_sync_exporter.cli", "serve", "--port", "0"]
        with running_forked(arguments, self._environment(), output) as process:
            self._wait(lambda: "Serving " in output.read_text(), "the exporter serves", process)
            (self.exporter_url,) = re.findall(r"Serving (\S+)/metrics", output.read_text())
            yield
        self.exit_codes["exporter"] = process.wait()
        with self.output.open("a") as everything:
            everything.write(output.read_text())

    def run_earlier_sync(self) -> None:
        """Run a sync with text logs, and rotate these away as a writer would."""
        with self._sync("earlier", CANVAS_SYNC_LOG_FORMAT="text") as process:
            self._await_end("earlier", process)
        for log, (_, backups) in LOGS.items():
            path = self.logs / f"{log.value}.log"
            page = ControlPage(control_path(self.logs / "state" / "control", path))
            with page.locked(10) as is_held:
                assert is_held
                rotate(path, backups, page)

    def run_syncs(self, processes: contextlib.ExitStack) -> None:
        """Run all others at once; return when all except the one that hangs have ended."""
        names = [name for name in PARTS if name != "earlier"]
        started = {name: processes.enter_context(self._sync(name)) for name in names}
        self._wait(self._has_throttled, "somebody is throttled", started["throttled"])
        self.clock.start()
        for name in ("killed", "hanging"):
            self._await_waiting(name, started[name])
            if name == "killed":
                started[name].kill()
        for name in names:
            if name not in ("killed", "hanging"):
                self._await_end(name, started[name])
        self._wait(lambda: self._run("killed")["sync_status"] == "interrupted", "it is noticed")

    def look(self) -> dict[str, Any]:
        """Look everywhere; what was found goes into :class:`Evidence`."""
        exporter = self._ask_everything(self.exporter_url, self._run("killed")["id"])
        with serving(self._users_app()) as url:
            mounted = self._ask_everything(url, self._run("killed")["id"])
        return {
            "requests": self.canvas.requests,
            "exporter": exporter,
            "mounted": mounted,
            "stranger": self._status_for_a_stranger(),
            "text": Scrape.of(self._metrics("text/plain"), is_openmetrics=False),
            "openmetrics": Scrape.of(self._metrics(OPENMETRICS), is_openmetrics=True),
            "rows": read_rows(self._sqlalchemy_url()),
            "reports": all_reports(self._sqlalchemy_url()),
            "messages": all_incident_messages(self._sqlalchemy_url()),
            "logs": read_logs(self.logs),
            "archived": read_archives(self.logs / "archive"),
            "spans": self.receiver.spans,
            "resources": self.receiver.resources,
        }

    def _has_throttled(self) -> bool:
        return any(status == 429 for _, _, status in self.canvas.requests)

    def _ask_everything(self, url: str, run_id: int) -> dict[str, Answer]:
        return {
            endpoint: ask(
                endpoint.partition(" ")[0], f"{url}{API}/{path.format(id=run_id)}", self.headers
            )
            for endpoint, path in ENDPOINTS.items()
        }

    def _users_app(self) -> Flask:
        """A user's own app, with the API mounted as the README says."""
        app = Flask("users_app")
        app.config.update(self.settings)
        register_canvas_metrics_api(app)
        return app

    def _metrics(self, accept: str) -> str:
        headers = {**self.headers, "Accept": accept}
        answer = requests.get(f"{self.exporter_url}/metrics", headers=headers, timeout=30)
        assert answer.headers["Content-Type"].startswith(accept)
        return answer.text

    def _status_for_a_stranger(self) -> int | None:
        url = f"{self.exporter_url}{API}/recent"
        return requests.get(url, timeout=30).status_code if self.headers else None

    def _run(self, task_id: str) -> dict[str, Any]:
        """What the REST API knows of a run; empty while it knows nothing."""
        answer = ask("GET", f"{self.exporter_url}{API}/sync/task/{task_id}", self.headers)
        return dict(answer.body) if answer.status == 200 else {}

    def _sync(self, name: str, **more: str) -> contextlib.AbstractContextManager[ForkedModule]:
        part = PARTS[name]
        arguments = [
            *("-m", part.module, "--task-id", name, "--user", str(part.user_id)),
            *("--canvas-url", self.canvas.url),
        ]
        if part.module == "support.telling_sync":
            arguments += ["--database-url", self._app_database_url()]
        else:
            arguments += ["--database", str(self.folder / "app.sqlite3"), "--timeout", "600"]
        token = self.canvas.tokens[part.user_id]
        environ = self._environment(CANVAS_TOKEN=token, **more)
        return running_forked(arguments, environ, self.output)

    def _app_database_url(self) -> str:
        """The telling sync keeps its courses beside the table, if that is in PostgreSQL."""
        if self.database_url is None:
            return f"sqlite:///{self.folder / 'telling.sqlite3'}"
        return self._sqlalchemy_url()

    def _sqlalchemy_url(self) -> str:
        if self.database_url is None:
            return f"sqlite:///{self.logs / 'state' / 'canvas_sync.sqlite3'}"
        return self.database_url.replace("postgresql:", "postgresql+psycopg:", 1)

    def _environment(self, **more: str) -> dict[str, str]:
        """Of a child: none of this process's telemetry settings, only those of the stage."""
        ours = ("CANVAS_SYNC_", "OTEL_", "PROMETHEUS_")
        inherited = {name: value for name, value in os.environ.items() if not name.startswith(ours)}
        return {**inherited, **self.settings, **self.receiver.environ, **more}

    def _command(self, *arguments: str) -> str:
        """Run one of our commands to its end and return what it printed."""
        output = self.folder / "command.output"
        process = ForkedModule(
            ["canvas_sync_exporter.cli", *arguments], self._environment(), output
        )
        assert process.wait() == 0, output.read_text()
        return output.read_text()

    def _await_waiting(self, name: str, process: ForkedModule) -> None:
        """Wait until Canvas keeps an answer back, and a heartbeat has reported the rest."""
        user_id = PARTS[name].user_id
        self._wait(lambda: self.canvas.holds(user_id), f"{name} waits", process)
        now = datetime.now(UTC)

        def has_beaten() -> bool:
            run = self._run(name)
            return bool(run) and datetime.fromisoformat(run["heartbeat"]) > now

        self._wait(has_beaten, f"{name} is alive", process)

    def _await_end(self, name: str, process: ForkedModule) -> None:
        self.exit_codes[name] = process.wait(_PATIENCE)

    def _wait(
        self,
        condition: Callable[[], bool],
        what: str,
        process: ForkedModule | None = None,
    ) -> None:
        """Wait until something holds; fail when it does not, or when its process has ended."""

        def is_decided() -> bool:
            return condition() or (process is not None and process.poll() is not None)

        wait_until(is_decided, _PATIENCE, pause=0.3)
        assert condition(), f"not so: {what}\n{self._printed()}"

    def _printed(self) -> str:
        files = [self.output, self.folder / "exporter.output"]
        return "\n".join(file.read_text()[-3000:] for file in files if file.exists())
