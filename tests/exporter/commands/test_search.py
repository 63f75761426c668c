"""``canvas-sync-monitor search``, and that a process of it says the same."""

from __future__ import annotations

import datetime as dt
import json
import os
import pty
import re
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import pytest

from canvas_sync_core.names import Log
from support.command_line import run_here
from support.log_folders import json_line, lay_out, record, text_line

COMMAND = [sys.executable, "-m", "canvas_sync_exporter.cli", "search"]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Logs with archives, claims and backups, in both formats."""
    errors = [record(Log.ERRORS, second, task_id=f"run {second}") for second in range(8)]
    files = [[json_line(each) for each in errors[start : start + 2]] for start in (0, 2, 4, 6)]
    lay_out(tmp_path, Log.ERRORS, files, 1)
    calls = [record(Log.API_CALLS, 10, status_code=404), record(Log.API_CALLS, 11)]
    lay_out(tmp_path, Log.API_CALLS, [[text_line(calls[0]), json_line(calls[1])]], 0)
    return tmp_path


def run(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    settings = {"CANVAS_SYNC_LOG_DIR": str(folder)}
    return run_here(["search", *arguments], Path.cwd(), settings)


def start(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*COMMAND, *arguments],
        env={**os.environ, "CANVAS_SYNC_LOG_DIR": str(folder)},
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )


def test_it_shows_human_lines_newest_first_from_everywhere(folder: Path) -> None:
    done = run(folder, "timeout")
    started = start(folder, "timeout")
    assert (done.returncode, done.stderr) == (started.returncode, started.stderr) == (0, "")
    assert done.stdout == started.stdout
    assert done.stdout.splitlines() == [
        f"errors      [2025-12-22 02:00:0{second}] ERROR: Connection timeout"
        " - user_id: 42 - course_id: 7"
        for second in reversed(range(8))
    ]


def test_it_shows_the_oldest_lines_first_if_asked(folder: Path) -> None:
    done = run(folder, "--oldest-first", "--json", "--log", "errors", "--limit", "3")
    shown = [json.loads(line)["task_id"] for line in done.stdout.splitlines()]
    assert shown == ["run 0", "run 1", "run 2"]


def test_it_shows_whole_records_as_json(folder: Path) -> None:
    done = run(folder, "--log", "errors", "--limit", "1", "--json")
    assert json.loads(done.stdout) == record(Log.ERRORS, 7, task_id="run 7")
    assert "stopped at --limit 1" in done.stderr


@pytest.mark.parametrize(
    ("filters", "lines"),
    [
        (["--log", "errors"], 8),
        (["--log", "errors", "--log", "api_calls"], 10),
        (["--level", "info"], 9),
        (["--level", "warning"], 1),
        (["--level", "info", "--level", "warning"], 10),
        (["--not-level", "info"], 1),
        (["--not-text", "timeout"], 2),
        (["--not-regex", r"run [0-3]\b"], 6),
        (["--not-user", "42"], 1),
        (["--not-course", "7", "--not-course", "8"], 1),
        (["--not-task", "run 3", "--not-task", "run 4"], 8),
        (["--not-trace", "4b" * 16], 1),
        (["--not-status", "404", "--not-status", "200"], 8),
        (["--not-route", "/api/v1/courses/:id"], 8),
        (["timeout", "--regex", "run [0-3]"], 4),
        (["--user", "42", "--course", "7"], 9),
        (["--task", "run 3"], 1),
        (["--trace", "4b" * 16], 9),
        (["--status", "404"], 1),
        (["--status", "200"], 1),
        (["--route", "/api/v1/courses/:id"], 2),
        (["--since", "2025-12-22T02:00:06Z"], 4),
        (["--until", "2025-12-22T02:00:06Z"], 6),
        (["--since", "1h"], 0),
        (["--regex", r"run [0-3]\b"], 4),
        (["--regex", "(a+)+$"], 0),
        (["nowhere"], 0),
        ([], 10),
    ],
)
def test_each_filter_chooses(folder: Path, filters: list[str], lines: int) -> None:
    done = run(folder, *filters)
    assert (done.returncode, done.stderr) == (0, "")
    assert len(done.stdout.splitlines()) == lines


@pytest.mark.parametrize(
    "arguments",
    [
        ["--regex", "("],
        ["--since", "yesterday-ish"],
        ["--since", "2025-12-22", "--until", "2025-12-22"],
        ["--until", "2h", "--since", "1h"],
        ["--limit", "0"],
        ["--log", "syslog"],
        ["--level", "LOUD"],
        ["--not-level", "LOUD"],
        ["--not-regex", "("],
        ["--not-user", "me"],
        ["--user", "me"],
    ],
)
def test_wrong_usage_answers_2(folder: Path, arguments: list[str]) -> None:
    wrong = run(folder, *arguments)
    assert wrong.returncode == 2
    assert "Traceback" not in wrong.stderr


def test_wrong_usage_is_answered_with_what_to_write(folder: Path) -> None:
    period = run(folder, "--since", "2025-12-22T02:00:00Z", "--until", "2025-12-21")
    assert period.stderr.endswith(
        "argument --until: use a later time than that of since, 2025-12-22T02:00:00Z\n"
    )
    user = run(folder, "--user", "me")
    assert user.stderr.endswith("argument --user: use a number from 0 to 9223372036854775807\n")


def test_a_missing_folder_is_reported(tmp_path: Path) -> None:
    failed = run(tmp_path / "missing", "text")
    assert failed.returncode == 1
    assert str(tmp_path / "missing") in failed.stderr
    assert "Traceback" not in failed.stderr


def test_what_could_not_be_read_is_reported_beside_the_lines(folder: Path) -> None:
    (folder / "archive" / "errors-20200101T000000Z.tar.gz").write_bytes(b"no archive")
    with (folder / "errors.log").open("ab") as live:
        live.write(b"\xff\x00 garbage\n")
    done = run(folder, "--log", "errors")
    assert (done.returncode, len(done.stdout.splitlines())) == (0, 8)
    assert "1 unreadable line\n" in done.stderr
    assert "errors-20200101T000000Z.tar.gz" in done.stderr


def test_a_reader_that_leaves_ends_it_in_silence(folder: Path) -> None:
    many = [json_line(record(Log.PROGRESS, second)) for second in range(5_000)]
    lay_out(folder, Log.PROGRESS, [many], 0)
    with subprocess.Popen(
        [*COMMAND, "--limit", "5000"],
        env={**os.environ, "CANVAS_SYNC_LOG_DIR": str(folder)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        assert process.stdout.readline()
        process.stdout.close()
        assert process.wait(600) == 0
        assert "Traceback" not in process.stderr.read()


@pytest.mark.parametrize("character", ["\x1b", "\x9b", "\u202e", "\u2066", "\u200f", "\u061c"])
@pytest.mark.parametrize("form", [[], ["--json"]])
def test_a_line_cannot_command_the_terminal_nor_turn_its_text_around(
    folder: Path, character: str, form: list[str]
) -> None:
    evil = record(Log.PROGRESS, 60, error=f"{character}]0;owned\x07")
    lay_out(folder, Log.PROGRESS, [[json.dumps(evil, separators=(",", ":")).encode() + b"\n"]], 0)
    shown = run(folder, "--log", "progress", *form).stdout
    assert character not in shown
    assert "owned" in shown
    if form:
        assert json.loads(shown) == evil


def test_an_age_counts_from_now(tmp_path: Path) -> None:
    recent = (dt.datetime.now(dt.UTC) - dt.timedelta(minutes=90)).timestamp()
    seconds = recent - dt.datetime(2025, 12, 22, 2, tzinfo=dt.UTC).timestamp()
    lay_out(tmp_path, Log.ERRORS, [[json_line(record(Log.ERRORS, seconds))]], 0)
    assert len(run(tmp_path, "--since", "2h").stdout.splitlines()) == 1
    assert run(tmp_path, "--since", "1h").stdout == ""


def on_terminal(folder: Path, *arguments: str) -> str:
    """What somebody sees of it."""
    terminal, end = pty.openpty()
    with subprocess.Popen(
        [*COMMAND, *arguments],
        env={**os.environ, "CANVAS_SYNC_LOG_DIR": str(folder)},
        stdout=end,
        stderr=end,
    ) as process:
        os.close(end)
        shown = b""
        with suppress(OSError):  # how the end of a terminal is told
            while data := os.read(terminal, 4096):
                shown += data
        assert process.wait(600) == 0
    os.close(terminal)
    return shown.decode()


def test_a_terminal_shows_the_progress_and_no_bar_is_left_among_the_lines(folder: Path) -> None:
    shown = on_terminal(folder, "timeout", "--limit", "8")
    assert re.search(r"reading logs \[[#.]{30}\] +\d+% of \d", shown)
    screen = [line.split("\x1b[K")[-1] for line in shown.split("\n")]
    assert "reading logs" not in "\n".join(screen)
    assert sum("Connection timeout" in line for line in screen) == 8


def test_it_loads_nothing_for_what_is_not_there(tmp_path: Path) -> None:
    """No archives, no human-readable lines, no configuration file, nothing to write."""
    line = json_line(record(Log.ERRORS, 1))
    (tmp_path / "errors.log").write_bytes(line)
    program = (
        "import sys; from canvas_sync_exporter.cli import main; main(sys.argv[1:]);"
        "print(*sys.modules, file=sys.stderr)"
    )
    arguments = ("search", "--log-dir", str(tmp_path), "--json")
    done = subprocess.run(
        [sys.executable, "-c", program, *arguments], capture_output=True, check=True, timeout=600
    )
    assert done.stdout == line
    assert not {
        *("tarfile", "tomllib", "difflib", "email", "sqlalchemy", "jinja2"),
        *("canvas_sync_core.logs.writer", "canvas_sync_core.canvas.routes"),
        *("canvas_sync_exporter.logs.human_lines", "canvas_sync_exporter.logs.search.facets"),
    } & {*done.stderr.decode().split()}
