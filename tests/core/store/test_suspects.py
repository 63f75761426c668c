"""Runs of the table are compared with their own history, each once."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from msgspec import structs
from sqlalchemy import Engine, event

from canvas_sync_core.events import ItemCounts, RunSnapshot
from canvas_sync_core.names import ITEMS, TABLE, RunStatus
from canvas_sync_core.store.queries import run_by_task, suspect_runs
from canvas_sync_core.store.runs import RunRow
from canvas_sync_core.store.suspects import judge_runs
from support.plans import explained
from support.runs import failed, running, snapshot, write

NOW = time.time()
SINCE = datetime.fromtimestamp(NOW, UTC) - timedelta(hours=26)
DAY = 86_400.0


@pytest.fixture
def engine(emptied_engine: Engine) -> Engine:
    return emptied_engine


def night(
    number: float, *, courses: int = 100, duration: float = 60.0, **changes: Any
) -> RunSnapshot:
    """The run of so many nights ago."""
    start = NOW - 3600 - number * DAY
    items = {item: ItemCounts() for item in ITEMS} | {"course": ItemCounts(processed=courses)}
    times = {"end_time": start + duration, "heartbeat": start + duration, "duration": duration}
    task_id = changes.pop("task_id", f"night-{number}")
    return snapshot(task_id, start_time=start, items=items, **{**times, **changes})


def history(**changes: Any) -> list[RunSnapshot]:
    """Ten unremarkable nights before the last one."""
    return [night(number, courses=100 + number, **changes) for number in range(1, 11)]


def judged(engine: Engine, task_id: str) -> RunRow:
    """A run of the table."""
    run = run_by_task(engine, task_id)
    assert run is not None
    return run


def test_a_run_far_off_its_history_is_flagged_with_the_reason(engine: Engine) -> None:
    write(engine, *history(), night(0, courses=3, duration=1.0))

    (found,) = judge_runs(engine, SINCE)

    assert [each.reason for each in found.anomalies] == ["few_items", "fast"]
    run = judged(engine, "night-0")
    assert found.run == run
    assert run.suspect is True
    assert run.suspect_reason == (
        "few_items: 3 items where 106 are usual; fast: 1.0 s where 60.0 s are usual"
    )
    assert suspect_runs(engine, SINCE, 10).items == [run]


def test_a_usual_run_is_recognised(engine: Engine) -> None:
    write(engine, *history(), night(0))

    assert judge_runs(engine, SINCE) == []
    run = judged(engine, "night-0")
    assert (run.suspect, run.suspect_reason) == (False, None)
    assert suspect_runs(engine, SINCE, 10).items == []


def test_usual_runs_are_judged_by_one_statement(engine: Engine) -> None:
    """Of a table that was there before, there are hundreds."""
    write(engine, *history(), *(night(0, task_id=f"usual {number}") for number in range(3)))
    updates: list[bool] = []

    def note(_connection: Any, _cursor: Any, statement: str, *more: Any) -> None:
        if statement.startswith("UPDATE"):
            updates.append(more[-1])

    event.listen(engine, "before_cursor_execute", note)
    assert judge_runs(engine, SINCE) == []
    event.remove(engine, "before_cursor_execute", note)
    assert updates == [True]
    assert {judged(engine, f"usual {number}").suspect for number in range(3)} == {False}


def test_a_run_is_judged_only_once_even_by_several_exporters_at_the_same_time(
    engine: Engine,
) -> None:
    write(engine, *history(), night(0, courses=0))

    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda _: judge_runs(engine, SINCE), range(4)))

    assert sum(map(len, found)) == 1
    assert judge_runs(engine, SINCE) == []


def test_a_row_that_is_written_again_keeps_its_judgement(engine: Engine) -> None:
    """As by a spool that is replayed."""
    anomalies = night(0, courses=0)
    write(engine, *history(), anomalies)
    judge_runs(engine, SINCE)

    write(engine, anomalies)

    assert judged(engine, "night-0").suspect is True
    assert judge_runs(engine, SINCE) == []


def test_a_later_run_under_the_same_id_is_judged_by_itself(engine: Engine) -> None:
    write(engine, *history(), night(0, courses=0))
    judge_runs(engine, SINCE)

    again = {"start_time": NOW - 600, "end_time": NOW - 540, "heartbeat": NOW - 540}
    write(engine, snapshot("night-0", **again, duration=60.0))

    assert judged(engine, "night-0").suspect is True
    assert judged(engine, "night-0~2").suspect is None
    judge_runs(engine, SINCE)
    assert judged(engine, "night-0~2").suspect is True


def test_runs_of_another_kind_do_not_count_as_history(engine: Engine) -> None:
    """Neither of another type, user or course, nor such as did not succeed."""
    others: tuple[dict[str, Any], ...] = (
        {"user_id": 7},
        {"course_id": 9},
        {"sync_type": "grades"},
        {"status": RunStatus.PARTIAL},
    )
    for number, change in enumerate(others):
        nights = history(**change)
        write(
            engine, *(structs.replace(each, task_id=f"{number}-{each.task_id}") for each in nights)
        )
    write(engine, night(0, courses=0))

    assert judge_runs(engine, SINCE) == []


def test_a_run_without_user_has_a_history_too(engine: Engine) -> None:
    write(engine, *history(user_id=None), night(0, courses=0, user_id=None))

    assert len(judge_runs(engine, SINCE)) == 1


def test_runs_that_failed_are_in_progress_or_are_old_are_not_judged(engine: Engine) -> None:
    write(engine, *history(), failed("broken"), running("under way"))

    judge_runs(engine, SINCE)

    for task_id in ("broken", "under way", "night-2"):
        assert judged(engine, task_id).suspect is None


def test_a_run_that_is_usual_at_that_time_of_the_week_is_not_flagged(engine: Engine) -> None:
    """Every hour for a month, with little to do in the night."""
    runs = (
        night(hour / 24, courses=20 if hour % 24 < 4 else 400, task_id=f"hour-{hour}")
        for hour in range(24 * 28)
    )
    write(engine, *runs)

    assert judge_runs(engine, datetime.fromtimestamp(NOW - 4000, UTC)) == []
    write(engine, night(-1 / 48, courses=0, task_id="empty"))
    (found,) = judge_runs(engine, datetime.fromtimestamp(NOW - 4000, UTC))
    assert [each.reason for each in found.anomalies] == ["few_items"]


def test_a_history_is_looked_for_among_few_runs_and_a_rare_one_among_more(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("canvas_sync_core.store.suspects._FEW_ROWS", 25)
    looked_back: list[int] = []

    def note(*given: Any) -> None:
        values = given[3].values() if isinstance(given[3], dict) else given[3]
        looked_back.extend(each for each in values if each in (25, 5_000))

    write(engine, *(night(number, task_id=f"n{number}") for number in range(1, 22)))
    write(engine, *(night(0.1, task_id=f"g{n}", sync_type="grades") for n in range(30)))
    assert judge_runs(engine, SINCE) == []
    write(engine, night(0, task_id="rare"), night(-0.01, sync_type="grades", task_id="common"))
    event.listen(engine, "before_cursor_execute", note)
    assert judge_runs(engine, SINCE) == []
    event.remove(engine, "before_cursor_execute", note)
    assert looked_back == [25, 5_000, 25]
    write(engine, night(-0.02, courses=3, duration=1.0, task_id="rare and odd"))
    assert [each.run.sync_task_id for each in judge_runs(engine, SINCE)] == ["rare and odd"]


def test_the_history_of_a_course_is_found_by_its_index(engine: Engine) -> None:
    write(engine, *(night(n / 9, task_id=f"u{n}", course_id=n % 50) for n in range(9, 300)))
    write(engine, *history(course_id=7, user_id=1))
    write(engine, night(0, courses=3, duration=1.0, course_id=7, user_id=1))
    found: list[str] = []

    def judge(engine: Engine) -> None:
        found.extend(each.run.sync_task_id for each in judge_runs(engine, SINCE))

    _find, last, same_time = explained(engine, judge)[:3]
    assert found == ["night-0"]
    assert f"ix_{TABLE}_course_start" in last
    assert f"ix_{TABLE}_course_start" in same_time
