"""The command line: serving in real processes, and one process of each command at least."""

from __future__ import annotations

import os
import pty
import re
import signal
import socket
import stat
import subprocess
import sys
import time
from importlib.metadata import version
from pathlib import Path

import pytest
import requests

from canvas_sync_core.store.database import check_schema, open_engine
from canvas_sync_exporter.web.auth import TokenFile
from support.command_line import run_here
from support.serve_process import COMMAND, environment, run_to_end, serve_process

API = "/api/canvas/metrics"
FOLDERS = ("CANVAS_SYNC_LOG_DIR", "CANVAS_SYNC_ARCHIVE_DIR")


def _run(folder: Path, *arguments: str, **settings: str) -> subprocess.CompletedProcess[str]:
    return run_here([*arguments], folder, settings)


def _start(folder: Path, *arguments: str, **settings: str) -> subprocess.CompletedProcess[str]:
    return run_to_end([*COMMAND, *arguments], folder, settings)


def test_serve_answers_with_more_open_files_than_select_can_watch(tmp_path: Path) -> None:
    many = (
        "import os, resource, sys; from canvas_sync_exporter.cli import main; "
        "hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]; "
        "resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard)); "
        "files = [os.open(os.devnull, os.O_RDONLY) for _ in range(1100)]; sys.exit(main())"
    )
    with serve_process(tmp_path, command=[sys.executable, "-c", many]) as exporter:
        assert requests.get(f"{exporter.url}/metrics", timeout=30).status_code == 200


def test_serve_works_at_once_in_an_empty_folder_without_settings(tmp_path: Path) -> None:
    with serve_process(tmp_path, command=COMMAND) as exporter:
        url = exporter.url
        assert requests.get(f"{url}/metrics", timeout=30).status_code == 200
        assert requests.get(f"{url}{API}/recent", timeout=30).json() == {"items": [], "next": None}
        health = requests.get(f"{url}{API}/health", timeout=30)
        assert (health.status_code, health.json()["status"]) == (200, "ok")
        assert "No sync has run yet." in requests.get(f"{url}/", timeout=30).text
    database = tmp_path / "logs" / "canvas_sync" / "state" / "canvas_sync.sqlite3"
    assert stat.S_IMODE(database.stat().st_mode) == 0o600


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_serve_in_good_order(tmp_path: Path, number: signal.Signals) -> None:
    with serve_process(tmp_path, command=COMMAND) as exporter:
        assert requests.get(f"{exporter.url}{API}/summary", timeout=30).status_code == 200
        exporter.process.send_signal(number)
        log = exporter.end()
    assert "Stopped." in log
    assert "Traceback" not in log


def test_an_address_beyond_this_machine_is_refused_without_tokens(tmp_path: Path) -> None:
    for host in ("0.0.0.0", "::", "192.0.2.1", "example.org"):
        refused = _run(tmp_path, "serve", "--host", host)
        assert refused.returncode == 2
        assert "token new" in refused.stderr
        assert "Traceback" not in refused.stderr


def test_with_tokens_any_address_is_served(tmp_path: Path) -> None:
    file = tmp_path / "tokens"
    made = _start(
        tmp_path, "token", "new", "--name", "ops", "--scope", "admin", "--file", str(file)
    )
    assert made.returncode == 0
    secret = re.search(r"csm_\S+", made.stdout)
    assert secret is not None
    settings = {"CANVAS_SYNC_TOKENS_FILE": str(file)}
    with serve_process(tmp_path, "--host", "0.0.0.0", settings=settings) as exporter:
        metrics = exporter.url.replace("0.0.0.0", "127.0.0.1") + "/metrics"
        assert requests.get(metrics, timeout=30).status_code == 401
        headers = {"Authorization": f"Bearer {secret[0]}"}
        assert requests.get(metrics, headers=headers, timeout=30).status_code == 200


def test_a_port_in_use_is_reported(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        failed = _run(tmp_path, "serve", "--port", str(taken.getsockname()[1]))
    assert failed.returncode == 1
    assert "in use" in failed.stderr
    assert "Traceback" not in failed.stderr


_AS_SOMEBODY_ELSE = """
import os, sqlite3, sys
import encodings.idna, sqlalchemy.dialects.sqlite  # now: the other user may not see them later
from canvas_sync_exporter.cli import main
from canvas_sync_exporter.command_line import make_parser
make_parser()
if os.geteuid() == 0:
    os.seteuid(65534)
sys.exit(main([sys.argv[1]]))
"""


@pytest.mark.parametrize("command", ["serve", "cleanup"])
def test_a_folder_of_another_user_is_reported_with_what_to_do(tmp_path: Path, command: str) -> None:
    folder = tmp_path / "closed"
    folder.mkdir(mode=0o500)
    settings = {"CANVAS_SYNC_LOG_DIR": str(folder), "CANVAS_SYNC_EXPORTER_PORT": "0"}
    readable = Path("/")
    failed = run_to_end([sys.executable, "-c", _AS_SOMEBODY_ELSE, command], readable, settings)
    assert failed.returncode == 1
    assert "Permission denied" in failed.stderr
    assert "Run it as the user of the syncs" in failed.stderr
    assert "Traceback" not in failed.stderr


@pytest.mark.parametrize(
    ("settings", "name"),
    [
        ({"CANVAS_SYNC_EXPORTER_PORT": "http"}, "CANVAS_SYNC_EXPORTER_PORT"),
        ({"CANVAS_SYNC_DATABASE_URL": "mysql://u:hunter2@db/x"}, "CANVAS_SYNC_DATABASE_URL"),
        ({"CANVAS_SYNC_TOKENS_FILE": "/nowhere"}, "CANVAS_SYNC_TOKENS_FILE"),
        ({"CANVAS_SYNC_CLEANUP_TIME": "noon"}, "CANVAS_SYNC_CLEANUP_TIME"),
    ],
)
def test_a_wrong_setting_is_reported_by_its_name(
    tmp_path: Path, settings: dict[str, str], name: str
) -> None:
    failed = _run(tmp_path, "serve", **settings)
    assert failed.returncode == 2
    assert name in failed.stderr
    assert "hunter2" not in failed.stderr
    assert "Traceback" not in failed.stderr


def test_a_database_that_is_away_does_not_keep_it_from_serving(tmp_path: Path) -> None:
    url_of_nothing = "postgresql://nobody:hunter2@127.0.0.1:1/nothing"
    settings = {"CANVAS_SYNC_DATABASE_URL": url_of_nothing}
    with serve_process(tmp_path, settings=settings) as exporter:
        url = exporter.url
        assert requests.get(f"{url}/metrics", timeout=30).status_code == 200
        assert requests.get(f"{url}{API}/recent", timeout=30).status_code == 503
        assert requests.get(f"{url}{API}/health", timeout=30).status_code == 503
        exporter.process.terminate()
        assert "hunter2" not in exporter.end()


def test_the_table_is_made_by_db_upgrade(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/own.sqlite3"
    for run in (_start, _run):
        done = run(tmp_path, "db", "upgrade", CANVAS_SYNC_DATABASE_URL=url)
        assert done.returncode == 0, done.stderr
        assert "canvas_sync_metrics" in done.stdout
    engine = open_engine(url)
    check_schema(engine)
    engine.dispose()


def test_db_upgrade_reports_a_database_that_is_away_without_the_password(tmp_path: Path) -> None:
    url = "postgresql://nobody:hunter2@127.0.0.1:1/nothing"
    failed = _run(tmp_path, "db", "upgrade", CANVAS_SYNC_DATABASE_URL=url)
    assert failed.returncode == 1
    assert "refused" in failed.stderr
    assert "hunter2" not in failed.stderr + failed.stdout
    assert "Traceback" not in failed.stderr


def test_a_database_that_accepts_and_stays_silent_holds_no_command_up(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        for command in (["db", "upgrade"], ["doctor"]):
            url = f"postgresql://nobody@127.0.0.1:{port}/nothing"
            began = time.monotonic()
            failed = _run(tmp_path, *command, CANVAS_SYNC_DATABASE_URL=url)
            assert failed.returncode == 1
            assert "timeout" in failed.stderr + failed.stdout
            assert time.monotonic() - began < 30


def test_cleanup_archives_and_says_what_it_did(tmp_path: Path) -> None:
    logs = tmp_path / "logs" / "canvas_sync"
    logs.mkdir(parents=True)
    (logs / "progress.log").write_text("now\n")
    (logs / "progress.log.1").write_text("before\n" * 10)
    done = _start(tmp_path, "cleanup")
    assert done.returncode == 0, done.stderr
    assert re.search(r"progress: progress-\d{8}T\d{6}Z\.tar\.gz \(1 file, 70 bytes\)", done.stdout)
    assert "errors: nothing to archive (0 files, 0 bytes)\n" in done.stdout
    assert re.search(r"^Took \d+ bytes more than it freed\.$", done.stdout, re.MULTILINE)
    assert [file.name for file in (logs / "archive").glob("*.tar.gz")]
    assert not (logs / "progress.log.1").exists()


@pytest.mark.parametrize("options", [[], ["--dry-run"]])
@pytest.mark.parametrize(
    ("name", "why"), [("missing", "No such file or directory"), ("a file", "Not a directory")]
)
def test_a_cleanup_of_a_path_that_is_not_a_folder_fails_and_creates_nothing(
    tmp_path: Path, options: list[str], name: str, why: str
) -> None:
    (tmp_path / "a file").write_text("no folder")
    failed = _run(tmp_path, "cleanup", *options, CANVAS_SYNC_LOG_DIR=str(tmp_path / name))
    assert (failed.returncode, failed.stdout) == (1, "")
    assert failed.stderr == (
        f"canvas-sync-monitor: {tmp_path / name}: {why}. "
        "Name the folder that the syncs log to, with --log-dir or CANVAS_SYNC_LOG_DIR\n"
    )
    assert [path.name for path in tmp_path.iterdir()] == ["a file"]


def test_a_cleanup_shows_how_far_it_is_on_a_terminal(tmp_path: Path) -> None:
    logs = tmp_path / "logs" / "canvas_sync"
    logs.mkdir(parents=True)
    for number in (1, 2, 3):
        (logs / f"progress.log.{number}").write_text("before\n" * 1000)
    terminal, end = pty.openpty()
    with subprocess.Popen(
        [*COMMAND, "cleanup"],
        env=environment({}),
        cwd=tmp_path,
        stdout=subprocess.DEVNULL,
        stderr=end,
    ) as process:
        os.close(end)
        assert process.wait(600) == 0
    shown = os.read(terminal, 65536).decode()
    os.close(terminal)
    assert re.search(r"archiving \[#{10}\.{20}\] +33%", shown)
    assert shown.split("\x1b[K")[-1].rstrip().endswith("bytes.")


def test_a_dry_run_says_what_a_cleanup_would_do_and_changes_nothing(tmp_path: Path) -> None:
    logs = tmp_path / "logs" / "canvas_sync"
    (logs / "archive").mkdir(parents=True)
    (logs / "progress.log.1").write_text("before\n" * 10)
    (logs / "archive" / "errors-20200101T000000Z.tar.gz").write_bytes(b"old")
    before = sorted(tmp_path.rglob("*"))
    dry_run = _run(tmp_path, "cleanup", "--dry-run")
    assert dry_run.returncode == 0, dry_run.stderr
    assert dry_run.stdout.splitlines() == [
        "operations: would archive nothing",
        "api_calls: would archive nothing",
        "database: would archive nothing",
        "errors: would archive nothing",
        "progress: would archive progress.log.1 (70 bytes)",
        "Would delete errors-20200101T000000Z.tar.gz (3 bytes).",
        "Nothing was changed.",
    ]
    assert sorted(tmp_path.rglob("*")) == before


@pytest.mark.parametrize("options", [[], ["--dry-run"]])
def test_a_cleanup_names_what_it_passes_over(tmp_path: Path, options: list[str]) -> None:
    (tmp_path / "errors.log.1").mkdir()
    done = _run(tmp_path, "cleanup", "--log-dir", ".", *options)
    assert done.returncode == 0
    assert "errors.log.1 is skipped: it is not a regular file" in done.stderr


def test_a_cleanup_takes_the_folder_that_it_is_given_whatever_the_settings(tmp_path: Path) -> None:
    (tmp_path / "given").mkdir()
    (tmp_path / "given" / "progress.log.1").write_text("before\n")
    elsewhere = {name: str(tmp_path / "set") for name in FOLDERS}
    done = _run(tmp_path, "cleanup", "--log-dir", "given", **elsewhere)
    assert done.returncode == 0, done.stderr
    assert len(list((tmp_path / "given" / "archive").glob("*.tar.gz"))) == 1
    assert not (tmp_path / "set").exists()


def test_a_cleanup_that_could_not_archive_fails(tmp_path: Path) -> None:
    logs = tmp_path / "logs" / "canvas_sync"
    logs.mkdir(parents=True)
    (logs / "progress.log").write_text("now\n")
    (logs / "progress.log.1").write_text("before\n")
    (logs / "archive").write_text("in the way")
    failed = _run(tmp_path, "cleanup")
    assert failed.returncode == 1
    assert "progress: nothing (0 files, 0 bytes)\n" in failed.stdout
    assert "progress: not all could be archived: [Errno" in failed.stdout
    assert "archive" in failed.stderr
    assert "Traceback" not in failed.stderr


def test_a_new_token_is_shown_once_and_only_its_hash_is_kept(tmp_path: Path) -> None:
    file = tmp_path / "tokens"
    for name in ("prometheus", "grafana"):
        done = _run(
            tmp_path, "token", "new", "--name", name, "--scope", "metrics", "--file", str(file)
        )
        assert done.returncode == 0, done.stderr
        secret = re.search(r"csm_\S+", done.stdout)
        assert secret is not None
        assert secret[0] not in file.read_text()
        token = TokenFile(file).find(secret[0])
        assert token is not None
        assert token.name == name
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_a_token_is_added_neither_twice_nor_to_a_file_that_is_not_a_tokens_file(
    tmp_path: Path,
) -> None:
    file = tmp_path / "tokens"
    arguments = ["token", "new", "--name", "ci", "--scope", "read", "--file", str(file)]
    assert _run(tmp_path, *arguments).returncode == 0
    before = file.read_text()
    twice = _run(tmp_path, *arguments)
    assert (twice.returncode, file.read_text()) == (2, before)
    assert "twice" in twice.stderr
    file.write_text("this is no tokens file\n")
    assert _run(tmp_path, *arguments).returncode == 2
    assert file.read_text() == "this is no tokens file\n"


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["nonsense"],
        ["serve", "--port", "70000"],
        ["token", "new", "--name", "a b", "--scope", "read"],
        ["token", "new", "--name", "a", "--scope", "write"],
        ["db"],
    ],
)
def test_wrong_usage_answers_2(tmp_path: Path, arguments: list[str]) -> None:
    wrong = _run(tmp_path, *arguments)
    assert wrong.returncode == 2
    assert wrong.stderr
    assert "Traceback" not in wrong.stderr


@pytest.mark.parametrize("command", [["serve"], ["cleanup"], ["db", "upgrade"], ["demo"]])
def test_each_command_has_help_with_the_exit_codes(tmp_path: Path, command: list[str]) -> None:
    done = _run(tmp_path, *command, "--help")
    assert done.returncode == 0
    assert "Exit codes: 0 done" in " ".join(done.stdout.split())


def test_what_was_loaded_for_a_command_stays_out_of_garbage_collection(tmp_path: Path) -> None:
    program = (
        "import gc; from canvas_sync_exporter.cli import script; script(); "
        "print(gc.isenabled(), gc.get_freeze_count() > 10_000)"
    )
    command = [sys.executable, "-c", program, "cleanup", "--dry-run", "--log-dir", "."]
    assert run_to_end(command, tmp_path).stdout.splitlines()[-1] == "True True"


def test_the_version_is_printed(tmp_path: Path) -> None:
    assert _start(tmp_path, "--version").stdout.strip() == version("canvas-sync-monitor")
