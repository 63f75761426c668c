"""``canvas-sync-monitor run``: a command behaves as without it, and is a run."""

from __future__ import annotations

import os
import pty
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from support.http_answers import Answer, answering
from support.otlp import http_receiver, span_named
from support.waiting import wait_until
from support.wrapper import PROGRAM, TIMEOUT, last_error, last_run, logged, run, running


@pytest.fixture(autouse=True)
def _as_in_production(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CANVAS_SYNC_STRICT")


def test_a_command_that_succeeds_is_a_successful_run(tmp_path: Path) -> None:
    script = tmp_path / "nightly_sync.py"
    script.write_text("import sys; print(sys.stdin.read()); print('careful', file=sys.stderr)")
    done = subprocess.run(
        [*PROGRAM, "--sync-type", "nightly", "--user", "42", "--", sys.executable, str(script)],
        input="from stdin",
        capture_output=True,
        text=True,
        timeout=TIMEOUT,
        check=False,
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "from stdin\n", "careful\n")
    ended = last_run()
    assert (ended["status"], ended["sync_type"], ended["user_id"]) == ("success", "nightly", 42)
    assert ended["task_id"].startswith("nightly_sync-")


@pytest.mark.parametrize(
    ("command", "code", "error"),
    [
        (["sh", "-c", "exit 3"], 3, ("ExitCode", "sh ended with exit code 3.")),
        (["sh", "-c", "kill -KILL $$"], 137, ("Signal", "sh was ended by SIGKILL.")),
    ],
)
def test_the_exit_code_is_that_of_a_shell(
    command: list[str], code: int, error: tuple[str, str]
) -> None:
    done = run("--", *command)
    assert (done.returncode, done.stdout) == (code, "")
    assert last_run()["status"] == "failed"
    assert last_error() == error


def test_a_command_that_cannot_be_started_is_reported_and_is_a_failed_run(tmp_path: Path) -> None:
    not_executable = tmp_path / "sync.sh"
    not_executable.write_text("echo synced")
    for command, code, error, message in (
        ("no-such-command", 127, "FileNotFoundError", "No such file or directory"),
        (str(not_executable), 126, "PermissionError", "Permission denied"),
    ):
        done = run("--", command)
        assert done.returncode == code
        (line,) = done.stderr.splitlines()
        assert f"{command} cannot be started" in line
        name = Path(command).name
        assert last_error() == (error, f"{name} cannot be started: {message}.")
    not_executable.chmod(0o700)
    done = run("--", str(not_executable))
    assert (done.returncode, last_error()[0]) == (126, "OSError")
    assert "Exec format error" in done.stderr


@pytest.mark.parametrize(
    ("command", "failure"),
    [
        ("exit 3", "sh failed: exit code 3, after "),
        ("no-such", "sh failed: exit code 127 (in a shell, a command that was not found), after "),
        ("kill -SEGV $$", "sh failed: ended by SIGSEGV (segmentation fault), after "),
    ],
)
def test_a_failure_is_one_line_that_says_what_failed_and_where_to_look(
    command: str, failure: str
) -> None:
    done = run("--", "sh", "-c", f"{command} 2>/dev/null")
    (line,) = done.stderr.splitlines()
    assert line.startswith(f"canvas-sync-monitor: {failure}")
    _, _, advice = line.partition("Details: ")
    found = subprocess.run(
        advice.replace("canvas-sync-monitor", f"{sys.executable} -m canvas_sync_exporter.cli"),
        shell=True,
        capture_output=True,
        text=True,
        timeout=TIMEOUT,
        check=True,
    ).stdout
    assert last_run()["task_id"] in advice
    assert "ended, failed" in found


def test_a_command_that_was_stopped_says_so_in_one_line() -> None:
    done = run("--", "sh", "-c", "kill -TERM $PPID; sleep 600")
    (line,) = done.stderr.splitlines()
    assert line.startswith("canvas-sync-monitor: sh was cancelled: ended by SIGTERM (terminated)")
    assert done.returncode == 128 + signal.SIGTERM


def test_a_failure_without_telemetry_names_no_task() -> None:
    done = run("--", "sh", "-c", "exit 3", CANVAS_SYNC_LOG_FORMAT="odd")
    assert done.returncode == 3
    assert "sh failed: exit code 3" in done.stderr
    assert "canvas-sync-monitor doctor, which shows why nothing was recorded" in done.stderr


def test_standard_error_that_cannot_be_written_does_not_change_the_exit_code() -> None:
    with open("/dev/full", "w") as full:  # noqa: PTH123 - a device
        done = subprocess.run(
            [*PROGRAM, "--", "sh", "-c", "exit 3"], stderr=full, timeout=TIMEOUT, check=False
        )
    assert done.returncode == 3


def test_no_command_is_wrong_usage() -> None:
    for words in (["--user", "42", "--"], ["--", ""]):
        done = run(*words)
        assert done.returncode == 2
        assert "no command given" in done.stderr


WAITING = """
import os, signal, sys, time
def stop(number, frame):
    os.write(1, b"stopped\\n")  # print() fails where the signal comes within another one
    sys.exit({code})
signal.signal(signal.{signal}, stop)
print("ready", flush=True)
time.sleep(600)
"""


@pytest.mark.parametrize(
    ("number", "code", "status"),
    [
        (signal.SIGTERM, 0, "success"),
        (signal.SIGHUP, 5, "cancelled"),
        (signal.SIGUSR1, 4, "failed"),
    ],
)
def test_a_signal_reaches_the_command_which_decides_how_it_ends(
    number: signal.Signals, code: int, status: str
) -> None:
    program = WAITING.format(signal=number.name, code=code)
    with running("--", sys.executable, "-c", program) as process:
        process.send_signal(number)
        assert process.wait(TIMEOUT) == code
        assert process.stdout is not None
        assert process.stdout.read() == "stopped\n"
    assert last_run()["status"] == status


def test_a_signal_reaches_what_the_command_has_started() -> None:
    """A shell does not pass it on by itself."""
    with running("--", "sh", "-c", "(echo ready; exec sleep 600); echo not reached") as process:
        process.terminate()
        assert process.wait(TIMEOUT) == 128 + signal.SIGTERM
        assert process.stdout is not None
        assert process.stdout.read() == ""
    assert last_run()["status"] == "cancelled"


def test_a_command_that_has_stopped_itself_is_ended_by_a_signal() -> None:
    with running("--", "sh", "-c", "echo ready; echo $$; kill -STOP $$") as process:
        assert process.stdout is not None
        state = Path(f"/proc/{process.stdout.readline().strip()}/stat")
        wait_until(lambda: " T " in state.read_text(), "the stop")
        process.terminate()
        assert process.wait(TIMEOUT) == 128 + signal.SIGTERM


def test_a_signal_that_was_ignored_stays_ignored() -> None:
    """As ``nohup`` wants it."""
    words = " ".join(map(str, PROGRAM))
    process = subprocess.Popen(
        ["sh", "-c", f"trap '' HUP; exec {words} -- sh -c 'echo ready; read line; echo $line'"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    with process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        process.send_signal(signal.SIGHUP)
        assert process.communicate("went on\n", TIMEOUT)[0] == "went on\n"
    assert process.returncode == 0


def test_in_a_terminal_the_command_can_read_and_is_ended_by_control_c(tmp_path: Path) -> None:
    program = "print(input(), flush=True); import time; time.sleep(600)"
    child, terminal = pty.fork()
    if child == 0:
        os.execv(sys.executable, [*PROGRAM, "--", sys.executable, "-c", program])
    shown = b""
    os.write(terminal, b"hello\n")
    while shown.count(b"hello") < 2:  # the terminal's echo, and the command's answer
        shown += os.read(terminal, 1024)
    os.write(terminal, b"\x03")
    with os.fdopen(terminal, "rb", buffering=0) as rest:
        try:
            while rest.read(1024):
                pass
        except OSError:  # how Linux tells that the other end was closed
            pass
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 130
    assert last_run()["status"] == "cancelled"


@pytest.mark.parametrize(
    "environ",
    [
        {"CANVAS_SYNC_HEARTBEAT_SECONDS": "often"},
        {"CANVAS_SYNC_LOG_DIR": "/dev/null/logs"},
        {"CANVAS_SYNC_DATABASE_URL": "mysql://nowhere", "CANVAS_SYNC_RUN": "{"},
        {"CANVAS_SYNC_STRICT": "true", "CANVAS_SYNC_LOG_DIR": "/dev/null/logs"},
    ],
    ids=str,
)
def test_telemetry_that_fails_does_not_keep_the_command_from_running(
    environ: dict[str, str],
) -> None:
    words = ("--no-overlap", "--sync-type", "", "--", "sh", "-c", "echo synced; exit 7")
    # The folder will not get better, so that the exit need not wait for it.
    done = run(*words, **environ, CANVAS_SYNC_EXIT_TIMEOUT_SECONDS="1")
    assert (done.returncode, done.stdout) == (7, "synced\n")
    assert done.stderr


def test_it_needs_nothing_that_the_exporter_brings() -> None:
    program = (
        "import sys\n"
        "for name in ('flask', 'waitress', 'apscheduler', 'isal', 're2', 'markdown_it'):\n"
        "    sys.modules[name] = None\n"
        "from canvas_sync_exporter.cli import main\n"
        "sys.exit(main(['run', '--', 'sh', '-c', 'exit 9']))\n"
    )
    done = subprocess.run([sys.executable, "-c", program], timeout=TIMEOUT, check=False)
    assert done.returncode == 9


# No overlap

JOB = ("--no-overlap", "--", "sh", "-c", "echo ready; read line")


@contextmanager
def _job() -> Iterator[subprocess.Popen[str]]:
    process = subprocess.Popen(
        [*PROGRAM, *JOB], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    with process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        yield process
        process.communicate("", TIMEOUT)


def test_a_second_start_of_the_same_job_ends_at_once_and_says_why() -> None:
    with _job() as first:
        second = run(*JOB)
        assert (second.returncode, second.stdout) == (75, "")
        assert "sh is already running (since 20" in second.stderr
        assert f"process {first.pid}" in second.stderr
        other = run("--no-overlap", "--", "sh", "-c", "echo another job")
        assert other.returncode == 0
    assert len(logged("operations")) == 4
    with _job():
        pass


def test_a_job_whose_wrapper_was_killed_still_runs() -> None:
    process = subprocess.Popen(
        [*PROGRAM, *JOB], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    with process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        process.kill()
        process.wait(TIMEOUT)
        assert run(*JOB).returncode == 75
        process.communicate("", TIMEOUT)  # until the job has closed its end
    with _job():
        pass


# What the command gets

CALLING = """
import sys, requests
from canvas_sync_instrumentation import CanvasSyncMetricsTracker, instrument_requests
instrument_requests()
requests.get(sys.argv[1])
with CanvasSyncMetricsTracker("own-run", 42):
    pass
"""


def test_calls_of_an_instrumented_command_belong_to_the_run() -> None:
    with answering() as canvas, http_receiver() as receiver:
        canvas.answers["/api/v1/courses"] = [Answer(body="[]")]
        url = f"{canvas.url}/api/v1/courses"
        command = ("--", sys.executable, "-c", CALLING, url)
        assert run(*command, **receiver.environ).returncode == 0
        spans = receiver.wait_for_spans(3)
    (call,) = logged("api_calls")
    outer = last_run()
    assert (call["task_id"], call["trace_id"]) == (outer["task_id"], outer["trace_id"])
    (whole,) = [span for span in spans if not span.parent_span_id]
    assert whole.name == "canvas.sync"
    below = [span for span in spans if span.parent_span_id == whole.span_id]
    assert sorted(span.name for span in below) == ["GET /api/v1/courses", "canvas.sync"]
    assert span_named(spans, "GET /api/v1/courses").trace_id == whole.trace_id


def test_without_tracing_the_lines_of_the_command_still_have_the_run() -> None:
    with answering() as canvas:
        canvas.answers["/api/v1/courses"] = [Answer(body="[]")]
        url = f"{canvas.url}/api/v1/courses"
        done = run("--user", "42", "--", sys.executable, "-c", CALLING, url)
    assert done.returncode == 0
    (call,) = logged("api_calls")
    assert (call["task_id"], call["user_id"]) == (last_run()["task_id"], 42)


def test_the_command_gets_the_trace_as_the_w3c_writes_it() -> None:
    with http_receiver() as receiver:
        done = run("--", "sh", "-c", "echo $TRACEPARENT", **receiver.environ)
        (span,) = receiver.wait_for_spans(1)
    assert done.stdout == f"00-{span.trace_id.hex()}-{span.span_id.hex()}-01\n"


def test_a_command_in_one_word_that_cannot_be_started_is_reported_without_its_secret() -> None:
    done = run("--", "python sync.py --token abc123")
    assert done.returncode == 127
    assert "python sync.py --token [removed] cannot be started" in done.stderr
    assert "abc123" not in done.stderr
