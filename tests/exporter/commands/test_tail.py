"""``canvas-sync-monitor tail``, as a real process, beside real writers."""

from __future__ import annotations

import json
import os
import pty
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from canvas_sync_core.names import Log
from canvas_sync_exporter.logs.cleanup import cleanup_canvas_sync_logs
from canvas_sync_exporter.logs.retention_settings import RetentionSettings
from support.command_line import run_here
from support.log_folders import json_line, lay_out, record
from support.log_processes import make_writer, spawn

COMMAND = [sys.executable, "-m", "canvas_sync_exporter.cli", "tail"]
LINES = 1_500


def environment(folder: Path) -> dict[str, str]:
    plain = {name: value for name, value in os.environ.items() if name != "NO_COLOR"}
    return {**plain, "CANVAS_SYNC_LOG_DIR": str(folder), "TERM": "xterm"}


def run(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return run_here(["tail", *arguments], Path.cwd(), {"CANVAS_SYNC_LOG_DIR": str(folder)})


@contextmanager
def following(folder: Path, *arguments: str) -> Iterator[subprocess.Popen[str]]:
    process = subprocess.Popen(
        [*COMMAND, "-f", "--json", *arguments],
        env=environment(folder),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    with process:
        try:
            yield process
        finally:
            process.kill()


def test_it_shows_only_lines_that_match(tmp_path: Path) -> None:
    errors = [record(Log.ERRORS, at, task_id=f"run {at}", level="ERROR") for at in range(4)]
    lay_out(tmp_path, Log.ERRORS, [map(json_line, errors)], 0)
    lay_out(tmp_path, Log.PROGRESS, [[json_line(record(Log.PROGRESS, 5))]], 0)
    done = run(tmp_path, "timeout", "--json", "--level", "ERROR", "--not-task", "run 2")
    assert (done.returncode, done.stderr) == (0, "")
    shown = [json.loads(line)["task_id"] for line in done.stdout.splitlines()]
    assert shown == ["run 0", "run 1", "run 3"]


def write_records(folder: Path, log: Log, writer: str, count: int) -> None:
    """Target of a process: write numbered records, with rotation every few dozen."""
    lines = make_writer(folder, name=f"{log.value}.log", max_bytes=20_000)
    for number in range(count):
        lines.append(json_line(record(log, number, task_id=f"{writer} {number}")))
    assert lines.flush(600)
    lines.close(0)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    lay_out(tmp_path, Log.ERRORS, [[json_line(record(Log.ERRORS, n)) for n in (1, 3, 5)]], 0)
    lay_out(tmp_path, Log.PROGRESS, [[json_line(record(Log.PROGRESS, n)) for n in (2, 4)]], 0)
    return tmp_path


def test_it_shows_the_newest_lines_of_all_logs_oldest_first(folder: Path) -> None:
    done = run(folder, "-n", "4")
    assert (done.returncode, done.stderr) == (0, "")
    shown = [(line.split()[0], line[12:33]) for line in done.stdout.splitlines()]
    assert shown == [
        (log, f"[2025-12-22 02:00:0{second}]")
        for log, second in (("progress", 2), ("errors", 3), ("progress", 4), ("errors", 5))
    ]


def test_the_logs_can_be_chosen(folder: Path) -> None:
    done = run(folder, "--log", "progress", "--json")
    assert [json.loads(line)["log"] for line in done.stdout.splitlines()] == ["progress"] * 2


@pytest.mark.parametrize(("no_color", "coloured"), [("", True), ("1", False)])
def test_it_is_coloured_on_a_terminal_unless_told_not_to(
    folder: Path, no_color: str, coloured: bool
) -> None:
    line = record(Log.ERRORS, 6, level="ERROR")
    with (folder / "errors.log").open("ab") as file:
        file.write(json_line(line))
    terminal, end = pty.openpty()
    subprocess.run(
        [*COMMAND, "-n", "1"],
        env={**environment(folder), "NO_COLOR": no_color},
        stdout=end,
        timeout=60,
        check=True,
    )
    os.close(end)
    shown = os.read(terminal, 4096).decode()
    os.close(terminal)
    assert "ERROR: Connection timeout" in shown
    assert ("\x1b[31merrors" in shown) is coloured
    assert (f"\x1b[31m{line['message']}\x1b[0m" in shown) is coloured


def test_it_follows_writers_through_rotations_and_cleanups(folder: Path) -> None:
    """Two processes write and rotate all the time; between two of their rounds a cleanup runs."""
    retention = RetentionSettings(
        folder, folder / "archive", folder / "control", keep_lines=20, max_live_bytes=5_000
    )
    seen: Counter[str] = Counter()
    expected: Counter[str] = Counter()
    with following(folder, "-n", "0") as process:
        assert process.stdout is not None
        writers = [(log, f"{log} {n}") for log in (Log.ERRORS, Log.PROGRESS) for n in range(1)]
        _wait_until_it_follows(folder, process)
        for turn in ("first", "second"):
            names = [(log, f"{turn} {name}") for log, name in writers]
            processes = [
                spawn.Process(target=write_records, args=(folder, log, name, LINES))
                for log, name in names
            ]
            for each in processes:
                each.start()
            expected += Counter(f"{name} {n}" for _, name in names for n in range(LINES))
            while seen.total() < expected.total():
                seen[json.loads(process.stdout.readline())["task_id"]] += 1
            for each in processes:
                each.join()
                assert each.exitcode == 0
            assert cleanup_canvas_sync_logs(retention).errors == []
        assert seen == expected
        process.send_signal(signal.SIGINT)
        assert process.wait(600) == 130
        assert process.stderr is not None
        assert "Traceback" not in process.stderr.read()


def _wait_until_it_follows(folder: Path, process: subprocess.Popen[str]) -> None:
    """Write until a line is seen: what was written before the start is not shown with -n 0."""
    assert process.stdout is not None
    os.set_blocking(process.stdout.fileno(), False)
    writer = make_writer(folder, name="operations.log")
    number = 0
    while "caught up" not in (process.stdout.readline() or ""):
        writer.append(json_line(record(Log.OPERATIONS, number, task_id="caught up")))
        number += 1
        assert process.poll() is None
        try:
            process.wait(0.1)
        except subprocess.TimeoutExpired:
            continue
    os.set_blocking(process.stdout.fileno(), True)
    writer.append(json_line(record(Log.OPERATIONS, number, task_id="go")))
    while json.loads(process.stdout.readline())["task_id"] != "go":
        pass


def test_it_takes_little_time_while_nothing_is_written(folder: Path) -> None:
    """No busy loop: processor time over a second of waiting, as the kernel counts it."""
    with following(folder, "-n", "1") as process:
        assert process.stdout is not None
        assert process.stdout.readline()
        before = _processor_ticks(process.pid)
        with pytest.raises(subprocess.TimeoutExpired):
            process.wait(1)
        used = (_processor_ticks(process.pid) - before) / os.sysconf("SC_CLK_TCK")
    assert used < 0.5


def _processor_ticks(pid: int) -> int:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return int(fields[11]) + int(fields[12])


def test_a_folder_that_goes_away_ends_it_with_a_message(folder: Path) -> None:
    with following(folder, "-n", "1") as process:
        assert process.stdout is not None
        assert process.stdout.readline()
        moved = folder.with_name("moved")
        folder.rename(moved)
        folder.write_text("in the way")
        assert process.wait(600) == 1
        assert process.stderr is not None
        errors = process.stderr.read()
    assert str(folder) in errors
    assert "Traceback" not in errors


@pytest.mark.parametrize("arguments", [["-n", "-1"], ["-n", "many"], ["--log", "syslog"]])
def test_wrong_usage_answers_2(folder: Path, arguments: list[str]) -> None:
    assert run(folder, *arguments).returncode == 2
