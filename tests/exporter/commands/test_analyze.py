"""The analyzer as a process: wrong usage, garbage, memory, Ctrl-C and closed pipes."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from datetime import UTC, datetime
from pathlib import Path

from canvas_sync_core.names import Log
from support.analyze_command import COMMAND, ROOT, SCRIPT, analyzed, environment, printed_by, run
from support.command_line import run_here
from support.run_lines import nightly_lines, write_operations
from support.sync_logs import generate, line_of_record


def test_the_end_of_time_is_rejected_as_now_and_accepted_as_until(tmp_path: Path) -> None:
    write_operations(tmp_path, nightly_lines("full", datetime(2026, 11, 4, 2, tzinfo=UTC), 40))
    given = ["analyze", "--log-dir", str(tmp_path)]
    refused = run_here([*given, "--now", "9999-12-31"], tmp_path)
    assert refused.returncode == 2
    assert "argument --now: use a time before the year 9000" in refused.stderr
    assert run_here([*given, "--until", "9999-12-31"], tmp_path).returncode == 0


def test_a_configuration_file_that_cannot_be_used_does_not_prevent_the_report(
    tmp_path: Path,
) -> None:
    (tmp_path / "operations.log").write_bytes(b"")
    (tmp_path / "config.toml").write_text("[sync]")
    settings = {"CANVAS_SYNC_CONFIG": str(tmp_path / "config.toml")}
    done = run_here(["analyze", "--log-dir", str(tmp_path)], tmp_path, settings)

    assert done.returncode == 0
    assert "not judged  With the configuration file: " in done.stdout


def test_it_starts_without_the_libraries_of_a_database(tmp_path: Path) -> None:
    (tmp_path / "operations.log").write_bytes(b"")
    program = (
        "import sys; from canvas_sync_exporter.cli import main; code = main(sys.argv[1:]);"
        "print(code, 'sqlalchemy' in sys.modules)"
    )
    arguments = ("analyze", "--log-dir", str(tmp_path))
    assert printed_by(sys.executable, "-c", program, *arguments).endswith("\n0 False\n")


def test_a_python_without_the_package_is_told_to_use_another() -> None:
    done = run(sys.executable, "-I", "-S", str(ROOT / "analyze_canvas_logs.py"))
    assert done.returncode == 1
    assert f"is not installed for {sys.executable}. Use the Python that has it" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_wrong_setting_is_wrong_usage(tmp_path: Path) -> None:
    """With the script and the command, in processes that end as told."""
    for program in (SCRIPT, COMMAND):
        done = run(*program, CANVAS_SYNC_LOG_FORMAT="xml", CANVAS_SYNC_LOG_DIR=str(tmp_path))
        assert done.returncode == 2
        assert "CANVAS_SYNC_LOG_FORMAT" in done.stderr
        assert "Traceback" not in done.stderr


def test_help_lists_the_exit_codes() -> None:
    for program in (SCRIPT, COMMAND):
        assert "Exit codes: 0 done" in " ".join(printed_by(*program, "--help").split())


def test_folders_of_garbage_are_reported_and_never_fail(tmp_path: Path) -> None:
    (tmp_path / "archive").mkdir()
    (tmp_path / "archive" / "errors-20260101T020000Z.tar.gz").write_bytes(b"\x1f\x8b garbage")
    (tmp_path / "errors.log").write_bytes(b"\xff\xfe\x00" * 1000 + b"\n" * 10)
    (tmp_path / "api_calls.log").write_bytes(b"x" * 20_000_000)
    (tmp_path / "progress.log.1").mkdir()
    report = json.loads(analyzed(tmp_path, "--json"))
    assert len(report["problems"]) == 2
    assert {row["file"] for row in report["unreadable"]} == {"errors.log", "api_calls.log"}


PEAK_MEMORY = """
import os, subprocess, sys
process = subprocess.Popen(sys.argv[1:])
_, status, usage = os.wait4(process.pid, 0)
print(usage.ru_maxrss)
sys.exit(os.waitstatus_to_exitcode(status))
"""
"""Prints a command's peak in kilobytes; a child begins with its parent's, so this one is small."""


def test_a_hundred_megabytes_without_a_newline_take_bounded_memory(tmp_path: Path) -> None:
    line = line_of_record(generate(1)[Log.API_CALLS][0])
    with (tmp_path / "api_calls.log.1").open("wb") as file:
        file.write(line)
        file.truncate(100 * 1024 * 1024)  # the rest is NUL bytes
        file.seek(0, os.SEEK_END)
        file.write(b"\n" + line)
    options = ["--json", "--log-dir", str(tmp_path), "--output", str(tmp_path / "report.json")]
    done = subprocess.run(
        [sys.executable, "-c", PEAK_MEMORY, *SCRIPT, *options],
        env=environment(),
        capture_output=True,
        text=True,
        check=True,
    )
    assert int(done.stdout) < 150 * 1024
    report = json.loads((tmp_path / "report.json").read_bytes())
    assert (report["unreadable"][0]["first_lines"], report["api"]["total"]["count"]) == ([2], 2)


def reads_logs(pid: int) -> bool:
    """Return whether a process is a started reader, which dies of SIGINT as its parent does not."""
    found = re.search(r"SigCgt:\s*(\w+)", Path(f"/proc/{pid}/status").read_text())
    return found is not None and not int(found[1], 16) & 1 << signal.SIGINT - 1


def test_ctrl_c_ends_it_at_once_and_quietly(tmp_path: Path) -> None:
    for log in ("api_calls", "errors"):  # long to read, and each for a process of its own
        with (tmp_path / f"{log}.log").open("wb") as file:
            for line in range(1024):  # where a part for a reader may end
                file.seek(line * 1024**2)
                file.write(b"\n")
            file.truncate(1024**3)
    with subprocess.Popen(
        [*SCRIPT, "--log-dir", str(tmp_path)],
        env=environment(),
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    ) as process:
        children = Path(f"/proc/{process.pid}/task/{process.pid}/children")
        readers: list[int] = []
        while len(readers) < 2:
            assert process.poll() is None
            readers = [pid for pid in map(int, children.read_text().split()) if reads_logs(pid)]
            time.sleep(0.01)
        os.killpg(process.pid, signal.SIGINT)
        _, errors = process.communicate()
    assert (process.returncode, errors) == (130, "")
