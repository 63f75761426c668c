"""Ctrl-C at any moment ends a command without a traceback, and leaves nothing running."""

from __future__ import annotations

import os
import pty
import signal
import subprocess
import sys
from pathlib import Path

import pytest

import canvas_sync_exporter
from support.serve_process import run_to_end

_PROGRAM = """
import atexit, os, signal, sys

moment, number = sys.argv.pop(1), signal.Signals[sys.argv.pop(1)]

class InterruptAtImport:
    def find_spec(self, name, path=None, target=None):
        if name == moment:
            os.kill(os.getpid(), number)

if moment == "exit":
    atexit.register(os.kill, os.getpid(), number)
sys.meta_path.insert(0, InterruptAtImport())
from canvas_sync_exporter.cli import script
sys.exit(script())
"""
"""Interrupts itself when it imports a module, or at its exit."""

_IMPORTED = "import sys, canvas_sync_exporter.cli; print(*sys.modules)"

COMMANDS = {
    "init": [],
    "run": ["--", "touch", "started"],
    "serve": ["--port", "0"],
    "analyze": [],
    "search": ["x"],
    "tail": ["-f"],
    "cleanup": [],
    "doctor": [],
    "db": ["upgrade"],
    "token": ["new", "--name", "a", "--scope", "read"],
    "demo": ["--once"],
}


def _interrupted(
    folder: Path, moment: str, *arguments: str, signal_name: str = "SIGINT"
) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", _PROGRAM, moment, signal_name, *arguments]
    return run_to_end(command, folder, {"CANVAS_SYNC_LOG_DIR": str(folder)})


@pytest.mark.parametrize("command", COMMANDS)
def test_while_a_command_is_loaded(tmp_path: Path, command: str) -> None:
    moment = f"canvas_sync_exporter.commands.{command}"
    done = _interrupted(tmp_path, moment, command, *COMMANDS[command])
    assert (done.returncode, done.stdout, done.stderr) == (130, "", "")
    assert not (tmp_path / "started").exists()


@pytest.mark.parametrize(
    "moment",
    [
        "canvas_sync_exporter.command_line",
        "argparse",
        "canvas_sync_instrumentation.command",
        "canvas_sync_instrumentation.monitor",
    ],
)
def test_while_what_it_needs_is_loaded(tmp_path: Path, moment: str) -> None:
    done = _interrupted(tmp_path, moment, "run", *COMMANDS["run"])
    assert (done.returncode, done.stderr) == (130, "")
    assert not (tmp_path / "started").exists()


@pytest.mark.parametrize(
    ("command", "moment"),
    [
        ("serve", "alembic"),
        ("analyze", "canvas_sync_core.logs"),
        ("demo", "canvas_sync_demo.run"),
    ],
)
def test_while_a_command_begins(tmp_path: Path, command: str, moment: str) -> None:
    done = _interrupted(tmp_path, moment, command, *COMMANDS[command])
    assert done.returncode == 130
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    "moment", ["canvas_sync_exporter.command_line", "canvas_sync_exporter.commands.serve"]
)
def test_sighup_does_not_end_serve_while_it_is_loaded(tmp_path: Path, moment: str) -> None:
    arguments = ["serve", "--port", "not a number"]
    done = _interrupted(tmp_path, moment, *arguments, signal_name="SIGHUP")
    assert done.returncode == 2
    assert "use a number from 0" in done.stderr


def test_sighup_ends_other_commands_while_they_are_loaded(tmp_path: Path) -> None:
    moment = "canvas_sync_exporter.command_line"
    done = _interrupted(tmp_path, moment, "analyze", signal_name="SIGHUP")
    assert done.returncode == -signal.SIGHUP


@pytest.mark.parametrize("command", ["run", "token", "db"])
def test_at_the_exit(tmp_path: Path, command: str) -> None:
    done = _interrupted(tmp_path, "exit", command, *COMMANDS[command])
    assert done.returncode == 130
    assert "Traceback" not in done.stderr


_IN_TELEMETRY = """
import os, signal, sys
from canvas_sync_instrumentation.command import running

start = running.RecordedRun
def interrupted_start(job):
    os.kill(os.getpid(), signal.SIGINT)
    return start(job)
running.RecordedRun = interrupted_start
from canvas_sync_exporter.cli import script
sys.exit(script())
"""


def test_a_command_is_not_started_after_ctrl_c_on_a_terminal(tmp_path: Path) -> None:
    """The terminal has told the wrapper alone: the command was not there yet."""
    child, terminal = pty.fork()
    if child == 0:
        os.chdir(tmp_path)
        os.environ["CANVAS_SYNC_LOG_DIR"] = str(tmp_path)
        words = [sys.executable, "-c", _IN_TELEMETRY, "run", *COMMANDS["run"]]
        os.execv(sys.executable, words)
    shown = bytearray()
    try:
        while part := os.read(terminal, 4096):
            shown += part
    except OSError:  # how a terminal ends
        pass
    os.close(terminal)
    _, status = os.waitpid(child, 0)
    assert os.waitstatus_to_exitcode(status) == 130, shown.decode()
    assert b"Traceback" not in shown
    assert not (tmp_path / "started").exists()
    assert '"status":"cancelled"' in (tmp_path / "operations.log").read_text()


def test_slow_imports_come_after_ctrl_c_is_handled() -> None:
    words = [sys.executable, "-S", "-c", _IMPORTED]
    package = Path(canvas_sync_exporter.__file__).parent.parent
    done = subprocess.run(words, env={"PYTHONPATH": str(package)}, check=True, capture_output=True)
    assert not {"typing", "argparse", "logging", "pathlib"} & set(done.stdout.decode().split())
