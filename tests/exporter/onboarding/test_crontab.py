"""Which lines of a crontab run a file of the project."""

from __future__ import annotations

from pathlib import Path

import pytest

from canvas_sync_exporter.onboarding.crontab import cron_jobs, read_crontab, system_zone
from canvas_sync_exporter.onboarding.programs import Program, ScheduledJob


@pytest.fixture
def project(tmp_path: Path) -> Path:
    folder = tmp_path / "sync"
    for name in (
        ".venv/bin/python",
        "nightly.py",
        "pkg/hourly.py",
        "pkg/__main__.py",
        "run",
        "a b.py",
    ):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).touch()
    return folder


def jobs(project: Path, text: str) -> list[ScheduledJob]:
    text = text.replace("DIR", str(project))
    return cron_jobs(text, project, project.parent, "Europe/Berlin")


@pytest.mark.parametrize(
    ("command", "shown", "script"),
    [
        ("/usr/bin/python3 DIR/nightly.py", "python3 nightly.py", "nightly.py"),
        ("DIR/.venv/bin/python DIR/nightly.py", "python nightly.py", "nightly.py"),
        (
            "cd DIR && .venv/bin/python nightly.py >> sync.log 2>&1",
            "python nightly.py",
            "nightly.py",
        ),
        ("cd DIR; python -m pkg.hourly", "python -m pkg.hourly", "pkg/hourly.py"),
        ("(cd sync/pkg && cd .. && python -m pkg)", "python -m pkg", "pkg/__main__.py"),
        ("DIR/run --token 7~secret", "run …", "run"),
        ("TOKEN=7~secret python 'DIR/a b.py' %input", "python 'a b.py'", "a b.py"),
        ("env TOKEN=7~secret python -u sync/nightly.py", "python … nightly.py", "nightly.py"),
        ("cd DIR && TOKEN=7~secret; flask sync", "flask …", None),
        ("bash -c 'cd DIR && python nightly.py 7~secret'", "python nightly.py …", "nightly.py"),
        ('/bin/sh -lc "cd DIR; python nightly.py"', "python nightly.py", "nightly.py"),
        (
            "cd DIR && bash -l -o pipefail -c 'python nightly.py | logger'",
            "python nightly.py",
            "nightly.py",
        ),
        ("su - lms -c 'cd DIR && ./run'", "run", "run"),
        ("flock -n /tmp/lock -c 'python DIR/nightly.py'", "python nightly.py", "nightly.py"),
        ("sudo -u lms env A=1 sh -ec \"bash -c 'cd DIR && flask sync'\"", "flask …", None),
    ],
)
def test_a_command_of_the_project_is_found_without_its_secrets(
    project: Path, command: str, shown: str, script: str | None
) -> None:
    expected = None if script is None else Path(script)

    assert jobs(project, f"30 2 * * *  {command}") == [
        ScheduledJob(
            "line 1 of the crontab", "30 2 * * *", "Europe/Berlin", Program(shown, expected)
        )
    ]


@pytest.mark.parametrize(
    "line",
    [
        "",
        "# 0 2 * * * DIR/nightly.py",
        "MAILTO=admin@example.edu",
        "0 2 * * *",
        "0 2 31 2 * DIR/nightly.py",
        "@reboot DIR/nightly.py",
        "0 2 * * * /usr/bin/other.py",
        "0 2 * * * DIR/.venv/bin/python -c pass",
        "0 2 * * * DIR/missing.py",
        "0 2 * * * tar czf backup.tgz DIR/run",
        "0 2 * * * other.sh > DIR/nightly.py",
        "0 2 * * * flask sync",
        "0 2 * * * echo 'quote DIR",
        "0 2 * * * bash DIR/missing.sh -c 'python DIR/nightly.py'",
        "0 2 * * * bash -c",
        "0 2 * * * su lms",
        "0 2 * * * bash -c 'cd DIR' ; python nightly.py",
        f"0 2 * * * DIR/{'x' * 300}.py",
    ],
)
def test_other_lines_are_left_alone(project: Path, line: str) -> None:
    assert jobs(project, line) == []


def test_schedules_zones_and_wrapped_commands_are_read(project: Path) -> None:
    text = """\
@daily DIR/nightly.py
CRON_TZ="America/New_York"
*/5 * * * 1-5 canvas-sync-monitor run --sync-type hourly -- python DIR/pkg/hourly.py
CRON_TZ = Nowhere/City
0 4 * * SUN /opt/bin/canvas-sync-monitor run --sync-type=weekly -- DIR/run
0 5 * * * canvas-sync-monitor run --sync-type outside -- bash -c 'cd DIR && ./run'
0 6 * * * bash -c 'cd DIR && canvas-sync-monitor run --sync-type inside -- ./run'
"""
    assert [
        (
            int(job.place.split()[1]),
            job.schedule,
            job.zone,
            job.program.is_wrapped,
            job.program.sync_type,
        )
        for job in jobs(project, text)
    ] == [
        (1, "@daily", "Europe/Berlin", False, None),
        (3, "*/5 * * * 1-5", "America/New_York", True, "hourly"),
        (5, "0 4 * * SUN", "America/New_York", True, "weekly"),
        (6, "0 5 * * *", "America/New_York", True, "outside"),
        (7, "0 6 * * *", "America/New_York", True, "inside"),
    ]


def test_home_is_where_commands_start(project: Path) -> None:
    assert len(jobs(project, "HOME=DIR\n0 2 * * * ./nightly.py")) == 1


@pytest.mark.parametrize(
    ("program", "text"),
    [
        ("#!/bin/sh\necho '0 2 * * * sync.py'", "0 2 * * * sync.py\n"),
        ("#!/bin/sh\nprintf '\\377'", "\ufffd"),
        ("#!/bin/sh\necho 'no crontab for root' >&2; exit 1", ""),
        ("", ""),
    ],
)
def test_the_crontab_is_read_by_its_own_program(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, program: str, text: str
) -> None:
    if program:
        (tmp_path / "crontab").write_text(program)
        (tmp_path / "crontab").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/bin" if program else str(tmp_path))

    assert read_crontab() == text


def test_the_zone_of_the_machine(tmp_path: Path) -> None:
    assert system_zone(tmp_path) == "UTC"
    (tmp_path / "localtime").write_text("TZif2")
    (tmp_path / "timezone").write_text("Europe/Paris\n")
    assert system_zone(tmp_path) == "Europe/Paris"
    (tmp_path / "localtime").unlink()
    (tmp_path / "localtime").symlink_to("/usr/share/zoneinfo/Europe/Berlin")
    assert system_zone(tmp_path) == "Europe/Berlin"
