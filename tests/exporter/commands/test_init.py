"""``canvas-sync-monitor init``, from a project to its first recorded run."""

from __future__ import annotations

import os
import pty
import re
import signal
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Final

import pytest

from support.command_line import run_here
from support.serve_process import COMMAND, environment, run_to_end

_SECONDS: Final = 600
SECRET: Final = "7~kept0secret0kept0secret0kept0secret"
SCRIPT: Final = f"""
import requests

TOKEN = "{SECRET}"
requests.get("https://canvas.example.edu/api/v1/courses", headers={{"Authorization": TOKEN}})
"""
RUN: Final = """
import sys
from canvas_sync_instrumentation import CanvasSyncMetricsTracker

with CanvasSyncMetricsTracker("first", 42, sync_type="nightly") as run:
    print("started", flush=True)
    sys.stdin.readline()
    run.record_api_call("GET", "/api/v1/courses", 200)
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A script that cron starts, with a token wherever one may be."""
    folder = tmp_path / "sync"
    (folder / "bin").mkdir(parents=True)
    (folder / "nightly.py").write_text(SCRIPT)
    (folder / ".env").write_text(
        f"CANVAS_API_URL=https://u:{SECRET}@canvas.example.edu/\nCANVAS_TOKEN={SECRET}\n"
    )
    crontab = folder / "bin" / "crontab"
    crontab.write_text(
        "#!/bin/sh\necho CRON_TZ=Europe/Berlin\n"
        f"echo '30 2 * * * cd {folder} && TOKEN={SECRET} python nightly.py --token {SECRET}'\n"
    )
    crontab.chmod(0o755)
    return folder


def settings(folder: Path, **more: str) -> dict[str, str]:
    return {"PATH": f"{folder}/bin:{os.environ['PATH']}", **more}


def init(
    folder: Path, *words: str, where: Path | None = None, **more: str
) -> subprocess.CompletedProcess[str]:
    return run_here(["init", *words], where or folder, settings(folder, **more))


def test_it_writes_what_it_finds_where_the_exporter_reads_it(project: Path) -> None:
    done = init(project, "sync", where=project.parent)

    assert done.returncode == 0, done.stderr
    file = project / "logs" / "canvas-sync-monitor.toml"
    assert tomllib.loads(file.read_text()) == {
        "syncs": {"full": {"schedule": "30 2 * * *", "timezone": "Europe/Berlin"}}
    }
    assert f"Wrote {file}:\n  full: at 02:30 every day (Europe/Berlin)" in done.stdout
    for line in (
        "  requests  nightly.py:2",
        "  cron      line 2 of the crontab: 30 2 * * * (Europe/Berlin), python nightly.py …",
        "  Canvas    canvas.example.edu, from CANVAS_API_URL in .env",
        f"  export CANVAS_SYNC_LOG_DIR={project}/logs/canvas_sync",
        "  export CANVAS_SYNC_CANVAS_HOSTS=canvas.example.edu",
        "    instrument_requests()",
        "  line 2 of the crontab, before `python nightly.py …`, instead of the tracker,"
        " if the code has to stay as it is:",
        f"To see the first run arrive: canvas-sync-monitor init --wait {project}",
    ):
        assert line in done.stdout.splitlines(), line
    checked = run_here(["config", "check"], project)
    assert "full: at 02:30 every day (Europe/Berlin), from the configuration file" in checked.stdout


def test_no_token_is_printed_or_written(project: Path) -> None:
    before = {path for path in project.rglob("*") if path.is_file()}

    done = init(project)

    assert SECRET not in done.stdout + done.stderr
    written = {path for path in project.rglob("*") if path.is_file()} - before
    assert [path.name for path in written] == ["canvas-sync-monitor.toml"]
    assert SECRET not in written.pop().read_text()


def test_variables_that_are_set_are_not_asked_for(project: Path) -> None:
    hosts = "canvas.example.edu,other.example.edu"
    log_dir = str(project / "elsewhere" / "canvas_sync")

    done = init(project, CANVAS_SYNC_LOG_DIR=log_dir, CANVAS_SYNC_CANVAS_HOSTS=hosts)

    assert "export " not in done.stdout
    assert (project / "elsewhere" / "canvas-sync-monitor.toml").exists()


def test_the_file_that_the_settings_name_is_written(project: Path) -> None:
    file = project / "etc" / "ours.toml"

    assert init(project, CANVAS_SYNC_CONFIG=str(file)).returncode == 0

    assert "[syncs.full]" in file.read_text()
    assert not (project / "logs").exists()


def test_a_configuration_is_left_as_it_is_and_what_it_lacks_is_shown(project: Path) -> None:
    file = project / "logs" / "canvas-sync-monitor.toml"
    file.parent.mkdir()
    text = '[syncs.hourly]\nevery = "1h"  # ours\n'
    file.write_text(text)

    done = init(project)

    assert (done.returncode, file.read_text()) == (0, text)
    assert f"{file} is left as it is:\n  hourly: every hour, from the configuration" in done.stdout
    _, missing = done.stdout.split("to add them, append:\n")
    assert missing.startswith(
        "    [syncs.full]\n    # line 2 of the crontab: python nightly.py …\n"
    )

    file.write_text(text + "[syncs.full]\n")
    assert "append" not in init(project).stdout


def test_a_second_schedule_of_a_file_is_named(project: Path) -> None:
    crontab = project / "bin" / "crontab"
    with crontab.open("a") as file:
        file.write(f"echo '0 5 * * 0 python {project}/nightly.py'\n")

    assert "line 3 of the crontab also runs python nightly.py, at 0 5 * * 0." in (
        init(project, "--yes").stdout
    )


def test_a_systemd_timer_is_found_without_a_crontab(project: Path) -> None:
    (project / "bin" / "crontab").write_text("#!/bin/sh\nexit 1\n")
    units = project.parent / ".config/systemd/user"
    units.mkdir(parents=True)
    (units / "sync.timer").write_text("[Timer]\nOnCalendar=Mon..Fri 02:30 Europe/Berlin\n")
    (units / "sync.service").write_text(
        f"[Service]\nExecStart=/bin/bash -lc 'cd {project} && python nightly.py {SECRET}'\n"
    )

    done = init(project, "--yes", HOME=str(project.parent))

    assert SECRET not in done.stdout
    for line in (
        "  systemd   sync.service: 30 2 * * 1-5 (Europe/Berlin), python nightly.py …",
        "  sync.service, before `python nightly.py …`, instead of the tracker,"
        " if the code has to stay as it is:",
    ):
        assert line in done.stdout.splitlines(), done.stdout
    written = (project / "logs" / "canvas-sync-monitor.toml").read_text()
    assert "# sync.service: python nightly.py …\nschedule = " in written


def test_a_broken_configuration_is_named_with_its_line(project: Path) -> None:
    file = project / "logs" / "canvas-sync-monitor.toml"
    file.parent.mkdir()
    file.write_text("[syncs.full]\nevry = '1h'\n")

    done = init(project)

    assert done.returncode == 2
    assert "canvas-sync-monitor.toml, line 2: syncs.full.evry: unknown key" in done.stderr


def test_a_folder_that_cannot_be_written_is_named(project: Path) -> None:
    done = init(project, CANVAS_SYNC_LOG_DIR="/proc/1/logs/canvas_sync")

    assert done.returncode == 1
    path = "/proc/1/logs/canvas-sync-monitor.toml"
    assert f"{path} cannot be written: No such file or directory. To write it" in done.stderr
    assert "Errno" not in done.stderr


@pytest.mark.parametrize("name", ["", "missing", "nightly.py"])
def test_a_path_that_is_not_a_folder_is_rejected(project: Path, name: str) -> None:
    done = init(project, name)

    assert done.returncode == 2
    assert "name the folder of your sync" in done.stderr


def test_names_of_files_cannot_forge_lines(project: Path) -> None:
    (project / "a\nb\x1b[31m\udcff.py").write_text("import flask\n")

    done = init(project, PYTHONUTF8="1")

    assert done.returncode == 0
    assert r"Flask     a\nb\x1b[31m\udcff.py:1" in done.stdout


def test_on_a_terminal_it_asks_and_takes_the_answers(project: Path) -> None:
    answers = [
        "-",  # the file that does not sync
        " bad\x07name",  # refused, and asked again
        "nightly sync",
        "tomorrow",
        "04:15",
        "",
        "https://lms.example.edu/login",
    ]
    crontab = project / "bin" / "crontab"
    (project / "backup.sh").touch()
    (project / "nightly.py").rename(project / "other.py")
    (project / "nightly.py").touch()
    crontab.write_text(
        crontab.read_text().replace("echo '30", f"echo '0 1 * * * {project}/backup.sh'\necho '30")
    )
    child, terminal = pty.fork()
    if child == 0:
        os.chdir(project)
        os.execve(sys.executable, [*COMMAND, "init"], environment(settings(project)))
    shown, given = "", 0
    try:
        while part := os.read(terminal, 4096):
            shown += part.decode()
            while given < min(shown.count("]: "), len(answers)):
                os.write(terminal, f"{answers[given]}\n".encode())
                given += 1
    except OSError:  # how a terminal ends
        pass
    os.close(terminal)

    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0, shown
    assert "Sync type of backup.sh, or - if it is none [backup]: " in shown
    assert "Sync type of python nightly.py … [nightly]: " in shown
    assert "That cannot be used: write names of 1 to 64 printable characters." in shown
    assert "In the time zone [Europe/Berlin]: " in shown
    assert "export CANVAS_SYNC_CANVAS_HOSTS=lms.example.edu" in shown
    assert tomllib.loads((project / "logs" / "canvas-sync-monitor.toml").read_text()) == {
        "syncs": {"nightly sync": {"schedule": "15 4 * * *", "timezone": "Europe/Berlin"}}
    }


def waiting(project: Path) -> subprocess.Popen[str]:
    """Start the command, and return once it waits for a run."""
    process = subprocess.Popen(
        [*COMMAND, "init", "--wait"],
        cwd=project,
        env=environment(settings(project)),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    for line in process.stdout:
        if line.startswith("Waiting for the next run in sqlite"):
            return process
    raise AssertionError(process.communicate()[1])


def test_the_first_run_is_noticed_and_ctrl_c_ends_the_wait_for_the_next(project: Path) -> None:
    with waiting(project) as process:
        sync = subprocess.Popen(
            [sys.executable, "-c", RUN],
            cwd=project,
            env=environment({}),
            stdin=subprocess.PIPE,
            text=True,
        )
        assert process.stdout is not None
        assert re.fullmatch(r"first has started on \S+, as `nightly`.\n", process.stdout.readline())
        sync.communicate("\n", _SECONDS)
        output, errors = process.communicate(timeout=_SECONDS)
    assert (process.returncode, errors) == (0, "")
    ended, reason = output.splitlines()
    assert re.fullmatch(
        r"first ended after .* m?s: success, 1 API call, 0 database operations\.", ended
    )
    assert reason.startswith("No database operations: the engine")

    with waiting(project) as process:
        process.send_signal(signal.SIGINT)
        assert process.communicate(timeout=_SECONDS) == ("", "")
    assert process.returncode == 130


def test_a_database_without_the_table_is_not_waited_for(project: Path) -> None:
    url = f"sqlite:///{project}/app.sqlite3"
    (project / "app.sqlite3").touch()

    done = run_to_end(
        [*COMMAND, "init", "--wait"], project, settings(project, CANVAS_SYNC_DATABASE_URL=url)
    )

    assert done.returncode == 1
    assert "The database has no table canvas_sync_metrics" in done.stderr
