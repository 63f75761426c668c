"""Which timers of systemd run a file of the project, and when."""

from __future__ import annotations

import re
import shutil
import subprocess
from datetime import UTC, datetime
from pathlib import Path

import pytest

from canvas_sync_exporter.onboarding.programs import Program, ScheduledJob
from canvas_sync_exporter.onboarding.systemd import cron_of, timer_jobs
from canvas_sync_exporter.onboarding.unit_files import UnitFolders
from canvas_sync_exporter.schedules.cron import parse_cron


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A home with a project in ``sync`` and a folder for the user's units."""
    (tmp_path / "sync").mkdir()
    (tmp_path / "sync" / "nightly.py").touch()
    (tmp_path / ".config/systemd/user").mkdir(parents=True)
    return tmp_path


def jobs(home: Path, units: dict[str, str]) -> list[ScheduledJob]:
    folder = home / ".config/systemd/user"
    for name, text in units.items():
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(text)
    return timer_jobs(UnitFolders((folder,), home), home / "sync", home, "Europe/Berlin")


NIGHTLY = "[Timer]\nOnCalendar=*-*-* 02:30:00\n"
PROGRAM = Program("python nightly.py", Path("nightly.py"))


@pytest.mark.parametrize(
    "service",
    [
        "WorkingDirectory=%h/sync\nExecStart=/usr/bin/python nightly.py",
        "ExecStart=/bin/sh -lc 'cd %h/sync && exec python nightly.py'",
        'WorkingDirectory=~\nExecStart=-/usr/bin/env A=1 \\\n    bash -c "python sync/nightly.py"',
        "ExecStart=/bin/false\nExecStart=\nExecStart=python %h/sync/nightly.py",
    ],
)
def test_the_program_of_a_timer_is_found(home: Path, service: str) -> None:
    units = {"nightly.timer": NIGHTLY, "nightly.service": f"# ours\n[Service]\n{service}\n"}
    assert jobs(home, units) == [
        ScheduledJob("nightly.service", "30 2 * * *", "Europe/Berlin", PROGRAM, "systemd")
    ]


@pytest.mark.parametrize(
    "units",
    [
        {"nightly.timer": NIGHTLY},
        {"nightly.timer": NIGHTLY, "nightly.service": "[Service]\nExecStart=python other.py\n"},
        {"nightly.service": "[Service]\nExecStart=python %h/sync/nightly.py\n"},
        {"nightly.timer": NIGHTLY, "nightly.service": "[Service\n=\nExecStart\n\0"},
    ],
)
def test_other_units_are_left_alone(home: Path, units: dict[str, str]) -> None:
    assert jobs(home, units) == []


def test_a_timer_names_its_unit_its_zone_and_several_times(home: Path) -> None:
    timer = """\
[Timer]
OnCalendar=Mon..Fri 02:30 America/New_York
OnCalendar=Sun 04:00
Unit=sync.service
"""
    service = "[Service]\nExecStart=python %h/sync/nightly.py\n"
    assert jobs(home, {"any.timer": timer, "sync.service": service}) == [
        ScheduledJob("sync.service", "30 2 * * 1-5", "America/New_York", PROGRAM, "systemd"),
        ScheduledJob("sync.service", "0 4 * * 7", "Europe/Berlin", PROGRAM, "systemd"),
    ]


def test_a_timer_without_a_time_of_the_clock_has_no_schedule(home: Path) -> None:
    units = {
        "nightly.timer": "[Timer]\nOnUnitActiveSec=15min\n",
        "nightly.service": "[Service]\nExecStart=python %h/sync/nightly.py\n",
    }
    assert [job.schedule for job in jobs(home, units)] == [""]


def test_each_enabled_instance_of_a_template_is_a_job(home: Path) -> None:
    (home / "sync" / "grades.py").touch()
    units = {
        "sync@.timer": "[Timer]\nOnCalendar=*-*-* 03:00\n",
        "sync@.service": "[Service]\nExecStart=python %h/sync/%i.py\n",
        "timers.target.wants/sync@nightly.timer": "",
        "timers.target.wants/sync@grades.timer": "",
        "sync@nightly.timer.d/time.conf": "[Timer]\nOnCalendar=\nOnCalendar=02:30\n",
    }
    assert [(job.place, job.schedule, job.script) for job in jobs(home, units)] == [
        ("sync@grades.service", "0 3 * * *", Path("grades.py")),
        ("sync@nightly.service", "30 2 * * *", Path("nightly.py")),
    ]


def test_a_drop_in_changes_the_command_of_a_service(home: Path) -> None:
    units = {
        "nightly.timer": NIGHTLY,
        "nightly.service": "[Service]\nExecStart=/bin/false\n",
        "nightly.service.d/ours.conf": (
            "[Service]\nExecStart=\nExecStart=python %h/sync/nightly.py\n"
        ),
    }
    assert [job.program for job in jobs(home, units)] == [PROGRAM]


def test_variables_of_a_unit_are_part_of_its_command_and_known_to_its_job(home: Path) -> None:
    (home / "sync.env").write_text(f"FOLDER={home}/sync\nARGUMENTS=nightly.py --token 7~x\n")
    service = """\
[Service]
EnvironmentFile=%h/sync.env
WorkingDirectory=%h/sync
ExecStart=/usr/bin/python $ARGUMENTS
"""
    shell = service.replace("/usr/bin/python $", "sh -c 'cd ${FOLDER} && exec python nightly.py' $")
    for text, shown in ((service, "python nightly.py …"), (shell, "python nightly.py")):
        (job,) = jobs(home, {"nightly.timer": NIGHTLY, "nightly.service": text})
        assert job.program == Program(shown, Path("nightly.py"))
        assert job.environ["FOLDER"] == f"{home}/sync"
        assert "7~x" not in repr(job)


CALENDARS = {
    "daily": "0 0 * * *",
    "Weekly": "0 0 * * 1",
    "*:0/15": "0-59/15 * * * *",
    "02:30": "30 2 * * *",
    "*-*-* 0/2:05:00": "5 0-23/2 * * *",
    "*-*-1,15 06..08:00": "0 6-8 1,15 * *",
    "*-01..06-01": "0 0 1 1-6 *",
    "Mon,Wed..Fri 22:10": "10 22 * * 1,3-5",
    "Sat *-*-* 04:00:00": "0 4 * * 6",
    "quarterly": "0 0 1 1,4,7,10 *",
}


@pytest.mark.parametrize(("calendar", "cron"), CALENDARS.items())
def test_a_calendar_event_becomes_a_cron_expression(calendar: str, cron: str) -> None:
    assert cron_of(calendar) == (cron, "")
    assert cron_of(f"{calendar} Europe/Berlin") == (cron, "Europe/Berlin")


@pytest.mark.parametrize(
    "calendar",
    [
        *("", "never", "2026-01-01 02:00", "Fri *-*-13 02:00", "*-*~1 02:00", "25:00", "*:*:30"),
        *("Foo 02:00", "*-*-* 02:00:00/5", "1..2..3:00", "02:00 Nowhere/City", ","),
    ],
)
def test_what_cron_cannot_express_is_unknown(calendar: str) -> None:
    assert cron_of(calendar) == ("", "")


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="needs systemd-analyze")
@pytest.mark.parametrize("calendar", CALENDARS)
def test_systemd_and_cron_agree_when_it_is_due(calendar: str) -> None:
    start = datetime(2026, 11, 29, tzinfo=UTC)
    base = f"--base-time={start:%F %T} UTC"
    done = subprocess.run(
        ["systemd-analyze", "calendar", "--iterations=3", base, f"{calendar} UTC"],
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
        env={"TZ": "UTC", "PATH": "/usr/bin:/bin", "LC_ALL": "C"},
    )
    lines = re.findall(r"(?:Next elapse|Iter\S+ #\d): \w+ (.*) UTC", done.stdout)
    due = [datetime.fromisoformat(line).replace(tzinfo=UTC) for line in lines]
    assert len(due) == 3
    schedule = parse_cron(cron_of(calendar)[0], UTC)
    assert schedule.due_between(start, due[-1]) == due
