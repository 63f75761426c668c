"""Which syncs a project has, and how people write when they run."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from canvas_sync_exporter.onboarding.detection import Mark, Project, Role
from canvas_sync_exporter.onboarding.planned_sync import Timing, parse_timing, planned_syncs
from canvas_sync_exporter.onboarding.programs import Program, ScheduledJob


def job(name: str, sync_type: str | None = None) -> ScheduledJob:
    program = Program(f"python {name}", Path(name), sync_type=sync_type)
    return ScheduledJob("line 1 of the crontab", "0 2 * * *", "UTC", program)


@pytest.mark.parametrize(
    ("in_code", "jobs", "types"),
    [
        ([], [], ["full"]),
        (["hourly", "nightly", "x" * 65], [], ["hourly", "nightly"]),
        ([], [job("a.py")], ["full"]),
        (["nightly"], [job("a.py")], ["nightly"]),
        (["nightly", "hourly"], [job("a.py")], ["full"]),
        ([], [job("a.py"), job("b.py")], ["a", "b"]),
        ([], [job("a.py"), job("a.py", sync_type="weekly"), job("x/a.py")], ["a", "weekly", "x_a"]),
        ([], [job("a.py", sync_type="\x1b")], ["full"]),
    ],
)
def test_each_cron_job_or_type_in_the_code_is_a_sync(
    in_code: list[str], jobs: list[ScheduledJob], types: list[str]
) -> None:
    syncs = planned_syncs(Project(sync_types=tuple(in_code)), jobs)

    assert [sync.sync_type for sync in syncs] == types
    assert all(bool(sync.timing.schedule) == bool(jobs) for sync in syncs)


def test_a_cron_job_that_calls_nothing_is_not_a_sync_if_another_one_calls_canvas() -> None:
    imported = Mark(Role.IMPORT, Path("b.py"), line=1, end_line=1, name="requests")

    syncs = planned_syncs(Project((imported,)), [job("backup.py"), job("b.py")])

    assert [(sync.sync_type, sync.job) for sync in syncs] == [("full", job("b.py"))]


def test_a_second_schedule_of_a_file_is_kept_beside_the_first() -> None:
    again = replace(job("a.py"), place="nightly.service", schedule="@hourly")

    (sync,) = planned_syncs(Project(), [job("a.py"), again])

    assert (sync.job, sync.further_jobs) == (job("a.py"), (again,))


@pytest.mark.parametrize(
    ("text", "timing"),
    [
        ("", Timing()),
        ("0 2  * * *", Timing(schedule="0 2 * * *")),
        ("@daily", Timing(schedule="@daily")),
        ("02:30", Timing(schedule="30 2 * * *")),
        ("15m", Timing(every="15m")),
    ],
)
def test_times_are_read_as_people_write_them(text: str, timing: Timing) -> None:
    assert parse_timing(text) == timing


@pytest.mark.parametrize("text", ["nightly", "25:00", "0 2 * *", "0 0 31 2 *", "0m"])
def test_text_that_is_not_a_time_is_rejected_with_what_to_write(text: str) -> None:
    with pytest.raises(ValueError, match="write five fields"):
        parse_timing(text)
