"""Which lines are to be added, and where."""

from __future__ import annotations

import ast
import shlex
from pathlib import Path

import pytest

import canvas_sync_instrumentation
from canvas_sync_exporter.onboarding.instructions import Step, installed_command, steps
from canvas_sync_exporter.onboarding.planned_sync import PlannedSync
from canvas_sync_exporter.onboarding.programs import Program, ScheduledJob

from .test_detection import CELERY, FACTORY, SCHEDULER, project

SCRIPT = """
import requests
from sqlalchemy import create_engine

engine = create_engine("sqlite://")


def copy_courses():
    requests.get("https://canvas.example.edu/api/v1/courses")
"""


def code_of(found: list[Step]) -> dict[str, list[str]]:
    """The lines by place, without the imports that they need, which must work."""
    for step in found:
        for line in step.code:
            if line.startswith("from "):
                names = line.partition(" import ")[2].split(", ")
                assert [
                    name for name in names if not hasattr(canvas_sync_instrumentation, name)
                ] == []
    return {
        step.place: [line for line in step.code if not line.startswith(("from ", "import "))]
        for step in found
    }


def cron_job(script: str, *, is_wrapped: bool = False) -> PlannedSync:
    program = Program(f"python {script}", Path(script), is_wrapped)
    job = ScheduledJob("line 2 of the crontab", "0 2 * * *", "UTC", program)
    return PlannedSync("nightly", job=job)


def test_a_flask_app_gets_init_app_and_a_tracker(tmp_path: Path) -> None:
    found = steps(project(tmp_path, web=FACTORY, sync=SCRIPT), [PlannedSync('"b"')])

    assert code_of(found) == {
        "web.py, after line 11, which makes `app`": ["init_app(app)"],
        "sync.py, around the work with Canvas (line 9, in `copy_courses`)": [
            'with CanvasSyncMetricsTracker(str(uuid.uuid4()), user_id=None, sync_type="\\"b\\""):',
            "    ...  # the code that syncs, unchanged",
        ],
    }
    for step in found:
        ast.parse("\n".join(step.code))


def test_a_script_of_a_flask_app_may_need_hooks_of_its_own(tmp_path: Path) -> None:
    found = code_of(steps(project(tmp_path, web=FACTORY, sync=SCRIPT), [cron_job("sync.py")]))

    assert found["sync.py, after the imports (line 2), unless it makes the app"] == [
        "instrument_requests()"
    ]


def test_celery_tasks_are_marked(tmp_path: Path) -> None:
    found = code_of(steps(project(tmp_path, tasks=CELERY), [PlannedSync("full")]))

    assert found == {
        "tasks.py, after line 5, which makes `worker`": ["instrument_celery(worker)"],
        "tasks.py, after the imports (line 10)": ["instrument_httpx()"],
        "tasks.py, line 9, below the other decorators of `sync_course`": [
            '@canvas_sync_task(sync_type="full")'
        ],
        "tasks.py, line 17, below the other decorators of `sync_grades`": [
            '@canvas_sync_task(sync_type="full")'
        ],
    }


def test_jobs_of_a_scheduler_are_tracked(tmp_path: Path) -> None:
    found = code_of(steps(project(tmp_path, jobs=SCHEDULER), [PlannedSync("full")]))

    assert found == {
        "jobs.py, after line 4, which makes `scheduler`": ["instrument_apscheduler(scheduler)"],
        "jobs.py, line 7, above `nightly`": ['@track_sync(sync_type="full")'],
        "jobs.py, line 12, above `hourly`": ['@track_sync(sync_type="full")'],
    }


def test_a_cron_job_gets_hooks_and_a_tracker_or_a_wrapper(tmp_path: Path) -> None:
    found = steps(project(tmp_path, sync=SCRIPT), [cron_job("sync.py")])

    assert list(code_of(found)) == [
        "sync.py, after the imports (line 2)",
        "sync.py, after line 5, which makes `engine`",
        "sync.py, around the work with Canvas (line 9, in `copy_courses`)",
        "line 2 of the crontab, before `python sync.py`, instead of the tracker, if the code has to"
        " stay as it is",
    ]
    program = shlex.quote(installed_command())
    assert found[-1].code == (f"{program} run --sync-type nightly --",)


def test_each_file_that_cron_starts_gets_the_hooks(tmp_path: Path) -> None:
    seen = project(tmp_path, a=SCRIPT, sync=SCRIPT, weekly="import requests\nimport httpx\n")

    found = code_of(steps(seen, [cron_job("sync.py"), cron_job("weekly.py")]))

    assert {place: code for place, code in found.items() if "imports" in place} == {
        "sync.py, after the imports (line 2)": ["instrument_requests()"],
        "weekly.py, after the imports (line 1)": ["instrument_requests()", "instrument_httpx()"],
    }


def test_further_engines_are_named_together(tmp_path: Path) -> None:
    names = ("a", "b", "c", "d", "e")
    found = code_of(steps(project(tmp_path, **dict.fromkeys(names, SCRIPT)), [cron_job("a.py")]))

    assert found["likewise after d.py:5, e.py:5"] == ["instrument_sqlalchemy(…)"]


@pytest.mark.parametrize("is_found", [True, False])
def test_a_crontab_names_a_program_that_cron_finds(
    monkeypatch: pytest.MonkeyPatch, is_found: bool
) -> None:
    monkeypatch.setattr("shutil.which", lambda *_, **__: "/usr/bin/x" if is_found else None)

    assert Path(installed_command()).is_absolute() is not is_found


def test_a_cron_job_that_starts_another_file_is_tracked_there(tmp_path: Path) -> None:
    found = code_of(steps(project(tmp_path, sync=SCRIPT), [cron_job("start.py")]))

    assert "start.py, around the call that syncs" in found


def test_a_wrapped_cron_job_is_not_tracked_twice(tmp_path: Path) -> None:
    found = code_of(steps(project(tmp_path, sync=SCRIPT), [cron_job("sync.py", is_wrapped=True)]))

    assert list(found) == [
        "sync.py, after the imports (line 2)",
        "sync.py, after line 5, which makes `engine`",
    ]


def test_nothing_is_left_to_add_where_all_is_there(tmp_path: Path) -> None:
    text = """
from canvas_sync_instrumentation import CanvasSyncMetricsTracker, instrument_sqlalchemy
from canvas_sync_instrumentation import instrument_requests
instrument_requests()
instrument_sqlalchemy(engine)
CanvasSyncMetricsTracker("x", 1)
"""
    seen = project(tmp_path, sync=SCRIPT + text)

    assert steps(seen, [PlannedSync("full")]) == []
    assert steps(seen, [cron_job("sync.py")]) == []


def test_a_folder_without_python_gets_the_wrapper(tmp_path: Path) -> None:
    found = code_of(steps(project(tmp_path), [PlannedSync("full")]))

    assert list(found) == [
        "your sync, around the call that syncs",
        "before the command that starts the sync, if it is not Python",
    ]
