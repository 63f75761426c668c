"""``run --keep-output``: the output arrives as without it, and its last lines are recorded."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from support.waiting import wait_until
from support.wrapper import PROGRAM, TIMEOUT, last_run, logged, run, running


@pytest.fixture(autouse=True)
def _as_in_production(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CANVAS_SYNC_STRICT")


def recorded_lines() -> list[tuple[str, str]]:
    """The stream and text of each line that is recorded."""
    records = [record for record in logged("operations") if record["event"] == "output"]
    return [(record["stream"], record["text"]) for record in records]


def test_the_last_lines_of_both_streams_are_recorded_and_all_arrive() -> None:
    command = "for n in 1 2 3 4; do echo out $n; echo err $n >&2; done; printf end; exit 3"
    done = run("--keep-output", "2", "--", "sh", "-c", command)
    assert done.returncode == 3
    assert done.stdout == "out 1\nout 2\nout 3\nout 4\nend"
    assert done.stderr.startswith("err 1\nerr 2\nerr 3\nerr 4\ncanvas-sync-monitor: sh failed")
    assert recorded_lines() == [
        ("stdout", "out 4"),
        ("stdout", "end"),
        ("stderr", "err 3"),
        ("stderr", "err 4"),
    ]
    task_ids = {record["task_id"] for record in logged("operations")}
    assert task_ids == {last_run()["task_id"]}


def test_where_both_streams_are_one_file_the_order_of_their_lines_stays(tmp_path: Path) -> None:
    """As under cron, which gives a command one pipe."""
    command = "for n in 1 2 3 4 5 6; do echo out $n; echo err $n >&2; done"
    with (tmp_path / "mail").open("wb") as mail:
        subprocess.run(
            [*PROGRAM, "--keep-output", "3", "--", "sh", "-c", command],
            stdout=mail,
            stderr=mail,
            timeout=TIMEOUT,
            check=True,
        )
    lines = [f"{stream} {n}" for n in range(1, 7) for stream in ("out", "err")]
    assert (tmp_path / "mail").read_text().splitlines() == lines
    assert recorded_lines() == [("output", line) for line in lines[-3:]]


def test_output_arrives_at_once() -> None:
    with running("--keep-output", "5", "--", "sh", "-c", "echo ready; sleep 600") as process:
        process.terminate()  # `running` has read the line while the command runs
        assert process.wait(TIMEOUT) == 128 + signal.SIGTERM
    assert recorded_lines() == [("stdout", "ready")]


def test_megabytes_and_binary_output_arrive_unchanged() -> None:
    program = "import sys; sys.stdout.buffer.write(bytes(range(256)) * 40_000)"
    done = subprocess.run(
        [*PROGRAM, "--keep-output", "5", "--", sys.executable, "-c", program],
        capture_output=True,
        timeout=TIMEOUT,
        check=True,
    )
    assert done.stdout == bytes(range(256)) * 40_000
    assert done.stderr == b""
    assert len(recorded_lines()) == 5


def test_a_secret_in_the_output_is_not_recorded() -> None:
    token = "7~" + "a1B2c3D4" * 8
    done = run("--keep-output", "5", "--", "sh", "-c", f"echo token {token}; echo jane@example.edu")
    assert token in done.stdout
    assert "a1B2" not in str(logged("operations"))
    assert "jane@" not in str(logged("operations"))


def test_a_process_in_the_background_that_holds_the_output_is_not_waited_for(
    tmp_path: Path,
) -> None:
    pipe = tmp_path / "go on"
    os.mkfifo(pipe)
    script = f"(read line < '{pipe}'; echo later) & echo done"
    with (tmp_path / "out").open("wb") as out:
        process = subprocess.Popen(
            [*PROGRAM, "--keep-output", "5", "--", "sh", "-c", script], stdout=out
        )
        assert process.wait(TIMEOUT) == 0
    assert (tmp_path / "out").read_text() == "done\n"
    assert recorded_lines() == [("stdout", "done")]
    pipe.write_text("\n")
    wait_until(lambda: (tmp_path / "out").read_text() == "done\nlater\n", "the later output")


def test_when_the_wrapper_is_killed_the_command_and_its_output_go_on_and_are_recorded(
    tmp_path: Path,
) -> None:
    script = "echo ready; read line; echo went on; echo err >&2; exit 3"
    with (tmp_path / "err").open("wb") as err:
        process = subprocess.Popen(
            [*PROGRAM, "--keep-output", "5", "--", "sh", "-c", script],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=err,
            text=True,
        )
    with process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        process.kill()
        process.wait(TIMEOUT)
        assert process.communicate("\n", TIMEOUT)[0] == "went on\n"
    wait_until(lambda: ("stderr", "err") in recorded_lines(), "the record")
    assert recorded_lines() == [("stdout", "ready"), ("stdout", "went on"), ("stderr", "err")]
    assert (tmp_path / "err").read_text() == "err\n"


def test_a_wrapper_that_is_killed_as_soon_as_the_command_runs_loses_no_output() -> None:
    """Usually before it has noted the process id; `command/test_output.py` makes sure of that."""
    script = "kill -9 $PPID; echo went on; sleep 0.2; echo end"
    done = subprocess.run(
        [*PROGRAM, "--keep-output", "5", "--", "sh", "-c", script],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        timeout=TIMEOUT,
        check=False,
    )
    assert done.returncode == -signal.SIGKILL
    assert done.stdout == "went on\nend\n"
    wait_until(lambda: len(recorded_lines()) == 2, "the record")
    assert recorded_lines() == [("stdout", "went on"), ("stdout", "end")]


def test_the_command_ends_when_nobody_reads_its_output() -> None:
    """As without the option: ``yes | head`` ends."""
    wrapper = subprocess.Popen(
        [*PROGRAM, "--keep-output", "5", "--", "yes"],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    )
    with wrapper:
        assert wrapper.stdout is not None
        assert wrapper.stdout.read(4) == b"y\ny\n"
        wrapper.stdout.close()
        assert wrapper.wait(TIMEOUT) == 128 + signal.SIGPIPE


def test_a_full_disk_does_not_stop_the_command() -> None:
    with open("/dev/full", "w") as full:  # noqa: PTH123 - a device
        done = subprocess.run(
            [*PROGRAM, "--keep-output", "5", "--", "sh", "-c", "echo one; echo two; exit 4"],
            stdout=full,
            timeout=TIMEOUT,
            check=False,
        )
    assert done.returncode == 4
    assert recorded_lines() == [("stdout", "one"), ("stdout", "two")]


def test_no_descriptor_of_the_caller_stays_open_after_the_end(tmp_path: Path) -> None:
    """Such as the lock of ``flock`` around the job, while a process stays in the background."""
    pipe, lock = tmp_path / "go on", tmp_path / "lock"
    os.mkfifo(pipe)
    script = f"(read line < '{pipe}') & echo done"
    words = subprocess.list2cmdline([*PROGRAM, "--keep-output", "5", "--", "sh", "-c", script])
    subprocess.run(
        ["flock", "--nonblock", str(lock), "sh", "-c", words],
        stdout=subprocess.DEVNULL,
        timeout=TIMEOUT,
        check=True,
    )
    subprocess.run(["flock", "--nonblock", str(lock), "true"], timeout=TIMEOUT, check=True)
    pipe.write_text("\n")


def test_the_command_sees_pipes() -> None:
    program = "import sys; print(sys.stdout.isatty(), sys.stderr.isatty())"
    assert run("--keep-output", "1", "--", sys.executable, "-c", program).stdout == "False False\n"


def test_a_command_that_cannot_be_started_has_no_output() -> None:
    done = run("--keep-output", "5", "--", "no-such-command")
    assert done.returncode == 127
    assert len(done.stderr.splitlines()) == 1
    assert recorded_lines() == []


@pytest.mark.parametrize("number", ["0", "201", "many"])
def test_a_number_of_lines_that_cannot_be_kept_is_wrong_usage(number: str) -> None:
    done = run("--keep-output", number, "--", "true")
    assert done.returncode == 2
    assert "use a number from 1 to 200" in done.stderr


def test_in_the_text_format_the_lines_can_be_found_by_their_run() -> None:
    run("--keep-output", "5", "--", "echo", "synced", CANVAS_SYNC_LOG_FORMAT="text")
    words = ["search", "--json", "OUTPUT"]
    found = subprocess.run(
        [*PROGRAM[:-1], *words], capture_output=True, text=True, timeout=TIMEOUT, check=True
    ).stdout
    assert '"event":"output"' in found
    assert '"stream":"stdout","text":"synced"' in found


def _companion_of(wrapper: int) -> int:
    """The process that copies the output: the wrapper's child in a session of its own."""
    children = Path(f"/proc/{wrapper}/task/{wrapper}/children").read_text().split()
    (companion,) = (int(child) for child in children if os.getsid(int(child)) == int(child))
    return companion


def test_lines_of_a_companion_that_takes_long_are_recorded_later() -> None:
    script = "echo ready; read line; echo last"
    with running("--keep-output", "5", "--", "sh", "-c", script, stdin=subprocess.PIPE) as wrapper:
        companion = _companion_of(wrapper.pid)
        os.kill(companion, signal.SIGSTOP)
        try:
            assert wrapper.stdin is not None
            wrapper.stdin.write("\n")
            wrapper.stdin.close()
            assert wrapper.wait(TIMEOUT) == 0
            assert recorded_lines() == []
        finally:
            os.kill(companion, signal.SIGCONT)
        wait_until(lambda: len(recorded_lines()) > 1, "the record of both lines")
    assert recorded_lines() == [("stdout", "ready"), ("stdout", "last")]


def test_the_end_is_recorded_although_the_companion_was_killed() -> None:
    script = "trap '' PIPE; echo ready; read line; exit 3"
    with running("--keep-output", "5", "--", "sh", "-c", script, stdin=subprocess.PIPE) as wrapper:
        os.kill(_companion_of(wrapper.pid), signal.SIGKILL)
        assert wrapper.stdin is not None
        wrapper.stdin.write("\n")
        wrapper.stdin.close()
        assert wrapper.wait(TIMEOUT) == 3
    assert last_run()["status"] == "failed"
