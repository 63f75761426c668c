"""The demo's services, each as its container runs it."""

from __future__ import annotations

import os
import re
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
import requests

from canvas_sync_demo.canvas_server import CanvasServer, simulated_tokens
from canvas_sync_demo.cast import CAST, fault_plan, sync_type_of
from canvas_sync_demo.processes import wait_until

SEED = 5


FOR_FEW_USERS = """
import sys
from canvas_sync_demo.services import syncs

syncs.CAST = [each for each in syncs.CAST if each.user_id in {users}]
sys.exit(syncs.main())
"""
"""The service, with fewer processes to start."""


@contextmanager
def service(
    name: str, *options: str, program: str | None = None, **environment: str
) -> Iterator[subprocess.Popen[str]]:
    """Run a service, or a program in its place."""
    started = ["-c", program] if program else ["-m", f"canvas_sync_demo.services.{name}"]
    with subprocess.Popen(
        [sys.executable, *started, "--seed", str(SEED), *options],
        text=True,
        stdout=subprocess.PIPE,
        env={**os.environ, **environment},
    ) as process:
        try:
            yield process
        finally:
            if process.poll() is None:
                process.kill()


def test_the_canvas_answers_to_the_tokens_of_its_seed_until_sigterm() -> None:
    with service("canvas", "--host", "127.0.0.1", "--port", "0") as process:
        assert process.stdout is not None
        port = re.search(r"port (\d+)", process.stdout.readline())
        assert port is not None
        answer = requests.get(
            f"http://127.0.0.1:{port[1]}/api/v1/users/self",
            headers={"Authorization": f"Bearer {simulated_tokens(SEED)[41]}", "User-Agent": "t"},
            timeout=60,
        )
        assert (answer.status_code, answer.json()["id"]) == (200, 41)
        process.send_signal(signal.SIGTERM)
        assert process.wait(600) == 0


def test_a_round_syncs_every_user_and_kills_the_one_that_hangs(tmp_path: Path) -> None:
    database = tmp_path / "demo" / "app.sqlite3"
    with (
        CanvasServer(SEED, plan=fault_plan()) as canvas,
        service(
            "syncs",
            "--once",
            *("--canvas-url", canvas.url),
            *("--database", str(database)),
            program=FOR_FEW_USERS.format(users=(41, 46, 47)),
            CANVAS_SYNC_LOG_DIR=str(tmp_path / "logs"),
        ) as process,
    ):
        output, _ = process.communicate(timeout=600)
        assert process.returncode == 0
    codes = {
        int(user): int(code) for user, code in re.findall(r"user (\d+) .*code (-?\d+)", output)
    }
    assert codes == {41: 0, 46: 1, 47: -signal.SIGKILL}
    assert (tmp_path / "logs" / "api_calls.log").exists()
    with closing(sqlite3.connect(database)) as copied:
        assert copied.execute("SELECT count(*) FROM grades").fetchone()[0] > 0


def test_sigterm_ends_the_syncs_with_their_round(tmp_path: Path) -> None:
    with (
        CanvasServer(SEED) as canvas,
        service(
            "syncs",
            *("--canvas-url", canvas.url),
            *("--database", str(tmp_path / "app.sqlite3")),
            program=FOR_FEW_USERS.format(users=(41, 42)),
            CANVAS_SYNC_LOG_DIR=str(tmp_path / "logs"),
        ) as process,
    ):
        assert wait_until((tmp_path / "logs" / "operations.log").exists, 60)
        process.send_signal(signal.SIGTERM)
        assert process.wait(600) == 0


@pytest.mark.parametrize(
    ("number", "sync_type"), [(1, "full"), (2, "incremental"), (20, "incremental"), (21, "full")]
)
def test_a_full_round_comes_first_and_again_after_a_while(number: int, sync_type: str) -> None:
    assert sync_type_of(number) == sync_type


def test_every_user_of_the_demo_has_a_token() -> None:
    assert {part.user_id for part in CAST} <= set(simulated_tokens(SEED))
