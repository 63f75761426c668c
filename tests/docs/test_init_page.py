"""The page about ``init`` shows what the command prints for the script on it."""

from __future__ import annotations

import re
import sys
from pathlib import Path

from canvas_sync_core.names import DISTRIBUTION
from canvas_sync_demo.canvas_server import CanvasServer
from canvas_sync_exporter.onboarding.first_run import RunWatch, describe_run
from canvas_sync_exporter.onboarding.instructions import installed_command
from canvas_sync_exporter.settings import configuration
from support.canvas import canvas_server
from support.command_line import run_here
from support.markdown import DOCS, blocks
from support.serve_process import run_to_end

__all__ = ["canvas_server"]

PAGE = DOCS / "how-to" / "init.md"
BEFORE, AFTER = blocks(PAGE, "python")
PRINTED, WAITED = blocks(PAGE, "console")
FOLDER = "/srv/sync"


def test_it_prints_and_writes_what_the_page_shows(tmp_path: Path) -> None:
    (crontab,), (env,), (toml,) = (blocks(PAGE, name) for name in ("cron", "ini", "toml"))
    (tmp_path / "nightly_sync.py").write_text(BEFORE)
    (tmp_path / ".env").write_text(env)
    program = tmp_path / "bin" / "crontab"
    program.parent.mkdir()
    program.write_text(f"#!/bin/sh\ncat <<'END'\n{crontab.replace(FOLDER, str(tmp_path))}END\n")
    program.chmod(0o755)

    done = run_here(["init", "--yes"], tmp_path, {"PATH": f"{program.parent}:/usr/bin:/bin"})

    command, *shown = PRINTED.splitlines()
    assert command == "$ canvas-sync-monitor init --yes"
    printed = done.stdout.replace(str(tmp_path), FOLDER)
    printed = printed.replace(installed_command(), f"{FOLDER}/.venv/bin/{DISTRIBUTION}")
    assert list(map(without_dates, printed.splitlines())) == list(map(without_dates, shown))
    assert (tmp_path / "logs" / "canvas-sync-monitor.toml").read_text() == toml


def test_the_script_with_the_added_lines_records_what_the_page_shows(
    tmp_path: Path, canvas_server: CanvasServer
) -> None:
    (tmp_path / "nightly_sync.py").write_text(AFTER)
    canvas = {"CANVAS_API_URL": canvas_server.url, "CANVAS_API_TOKEN": canvas_server.tokens[41]}

    done = run_to_end([sys.executable, "nightly_sync.py"], tmp_path, canvas)

    assert done.returncode == 0, done.stderr
    watch = RunWatch(configuration({"CANVAS_SYNC_LOG_DIR": str(tmp_path / "logs/canvas_sync")}))
    run = watch.arrived()
    watch.close()
    assert run is not None
    *_, shown = WAITED.splitlines()
    assert [without_figures(line) for line in describe_run(run)] == [without_figures(shown)]


def without_dates(line: str) -> str:
    """Leave out the due times, which depend on the day."""
    return re.sub(r"due .*", "due", line)


def without_figures(line: str) -> str:
    """Leave out the run's id and its duration."""
    return re.sub(r"^\S+ ended after [0-9.]+ m?s", "It ended", line)
