"""What the REST API asks of the table, and that each question is served by an index."""

from __future__ import annotations

import base64
import math
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import UTC, date, datetime, timedelta, tzinfo
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine, create_engine, update

from canvas_sync_core.events import ErrorInfo, RunSnapshot
from canvas_sync_core.names import ITEMS, RunStatus
from canvas_sync_core.store import queries, run_deletion
from canvas_sync_core.store.cursors import BadCursor, make_cursor
from canvas_sync_core.store.freshness import freshness
from canvas_sync_core.store.model import METADATA, metrics_table
from canvas_sync_core.store.query_results import Performance
from canvas_sync_core.store.rows import write_runs
from canvas_sync_core.store.run_pages import RunPage
from canvas_sync_core.store.runs import StoredCounts
from canvas_sync_core.store.statistics import NO_VALUES, Statistics
from canvas_sync_core.store.suspects import judge_runs
from support.databases import DATABASES, opened
from support.plans import explained
from support.runs import failed, running, snapshot, write

_NOON = datetime(2025, 12, 22, 12, tzinfo=UTC)
_SINCE = _NOON - timedelta(days=7)


@pytest.fixture
def engine(emptied_engine: Engine) -> Engine:
    return emptied_engine


def _at(hours: float) -> float:
    return (_NOON + timedelta(hours=hours)).timestamp()


def _names(page: RunPage) -> list[str]:
    return [run.sync_task_id for run in page.items]


def test_a_run_is_found_by_number_and_by_task_id(engine: Engine) -> None:
    write(engine, snapshot("a"), snapshot("b"))
    run = queries.run_by_task(engine, "b")
    assert run is not None
    assert queries.run_by_id(engine, run.id) == run
    assert queries.run_by_id(engine, run.id + 1) is None
    for unknown in ("c", "", "B", "b\0", "' OR 1=1 --"):
        assert queries.run_by_task(engine, unknown) is None


def test_pages_follow_each_other_without_gap_or_repetition(engine: Engine) -> None:
    """Several runs begin at the very same moment, and new ones arrive between the pages."""
    write(engine, *(snapshot(f"run-{n:02}", start_time=_at(n // 4)) for n in range(22)))
    seen: list[str] = []
    cursor = None
    while True:
        page = queries.recent_runs(engine, 5, cursor)
        seen += _names(page)
        write(engine, snapshot(f"new-{len(seen)}", start_time=_at(50)))
        cursor = page.next
        if cursor is None:
            break
    assert seen == [f"run-{n:02}" for n in reversed(range(22))]


def test_a_full_last_page_has_no_next(engine: Engine) -> None:
    write(engine, *(snapshot(f"run-{n}", start_time=_at(n)) for n in range(4)))
    page = queries.recent_runs(engine, 4)
    assert (len(page.items), page.next) == (4, None)
    assert queries.recent_runs(engine, 3).next is not None


def _encoded(cursor: str) -> str:
    return base64.urlsafe_b64encode(cursor.encode()).rstrip(b"=").decode()


@pytest.mark.parametrize(
    "cursor",
    [
        *("", "x", "=", "é", "MTIz", "MS4x\n", "\ud800", "A" * 10_000),
        *map(_encoded, ("--1.1", "1.-", "1.9223372036854775808", "1.-9223372036854775809")),
        *map(_encoded, ("253402300800000000.1", "-62135596800000001.1", f"{'9' * 18}.1")),
    ],
)
def test_a_cursor_that_no_page_gave_is_refused(engine: Engine, cursor: str) -> None:
    with pytest.raises(BadCursor):
        queries.recent_runs(engine, 5, cursor)


@pytest.fixture(scope="module")
def memory() -> Iterator[Engine]:
    """A table in memory, for tests of many examples."""
    engine = create_engine("sqlite://")
    METADATA.create_all(engine)
    yield engine
    engine.dispose()


@given(cursor=st.text() | st.from_regex(r"[A-Za-z0-9_-]{0,60}", fullmatch=True))
def test_any_text_is_a_cursor_or_refused(memory: Engine, cursor: str) -> None:
    with suppress(BadCursor):
        assert queries.recent_runs(memory, 5, cursor) == RunPage([], None)


@pytest.mark.parametrize("number", [1, 2**63 - 2, -(2**63)])
@pytest.mark.parametrize(
    "start",
    [datetime(1, 1, 1, tzinfo=UTC), datetime(1969, 12, 31, 23, 59, 59, 999_999, tzinfo=UTC), _NOON],
)
def test_a_page_goes_on_after_a_run_of_any_start_and_number(
    engine: Engine, start: datetime, number: int
) -> None:
    """SQL by hand may have written both."""
    write(engine, snapshot("a"), snapshot("b"))
    with engine.begin() as connection:
        for name, change in (("a", number), ("b", number + 1)):
            values = {"sync_start_time": start, "id": change}
            of_name = metrics_table.c.sync_task_id == name
            connection.execute(update(metrics_table).where(of_name).values(values))
    first = queries.recent_runs(engine, 1)
    second = queries.recent_runs(engine, 1, first.next)
    assert (_names(first), _names(second), second.next) == (["b"], ["a"], None)
    assert queries.recent_runs(engine, 1, make_cursor(start, number)) == RunPage([], None)
    latest = make_cursor(datetime.max.replace(tzinfo=UTC), number)
    assert _names(queries.recent_runs(engine, 2, latest)) == ["b", "a"]


def test_the_runs_of_a_user_are_only_those_of_that_user(engine: Engine) -> None:
    write(
        engine,
        snapshot("a", user_id=1, start_time=_at(0)),
        snapshot("b", user_id=2, start_time=_at(1)),
        snapshot("c", user_id=1, start_time=_at(2)),
        snapshot("d", user_id=None, start_time=_at(3)),
    )
    first = queries.user_runs(engine, 1, 1)
    assert (_names(first), _names(queries.user_runs(engine, 1, 1, first.next))) == (["c"], ["a"])
    assert queries.user_runs(engine, 9, 5) == RunPage([], None)


def test_failed_runs_are_all_those_that_need_attention(engine: Engine) -> None:
    error = ErrorInfo("E", "m")
    for number, status in enumerate(RunStatus):
        write(engine, snapshot(status.value, status=status, error=error, start_time=_at(number)))
    write(engine, failed("old", start_time=_at(-24 * 8)))
    page = queries.failed_runs(engine, _SINCE, 10)
    assert _names(page) == ["interrupted", "failed", "partial"]
    assert {(run.error_type, run.error_message) for run in page.items} == {("E", "m")}


def test_the_summary_counts_by_status_and_sync_type(engine: Engine) -> None:
    write(
        engine,
        snapshot("a", start_time=_at(0)),
        snapshot("b", start_time=_at(1), sync_type="grades"),
        failed("c", start_time=_at(2)),
        running("d", start_time=_at(3)),
        snapshot("old", start_time=_at(-24 * 8)),
    )
    answer = queries.summary(engine, _SINCE)
    assert answer.runs.total == 4
    assert answer.runs.by_status == {
        "running": 1,
        "success": 2,
        "partial": 0,
        "failed": 1,
        "cancelled": 0,
        "interrupted": 0,
    }
    assert answer.runs.success_rate == pytest.approx(2 / 3)
    assert {name: (c.total, c.success_rate) for name, c in answer.by_sync_type.items()} == {
        "full": (3, 0.5),
        "grades": (1, 1.0),
    }
    assert answer.totals.items["courses"] == StoredCounts(12, 4, 4, 0)
    assert answer.totals.items["grades"] == StoredCounts()
    assert (answer.totals.api_calls, answer.totals.db_operations) == (40, 16)
    assert answer.duration == Statistics(3, 12.5, 12.5, 12.5, 12.5, 12.5)


def test_an_empty_table_has_no_rates_and_no_durations(engine: Engine) -> None:
    answer = queries.summary(engine, _SINCE)
    assert (answer.runs.total, answer.runs.success_rate, answer.by_sync_type) == (0, None, {})
    assert answer.duration == NO_VALUES
    assert answer.totals.items == {f"{item}s": StoredCounts() for item in ITEMS}
    speed = queries.performance(engine, _SINCE)
    assert (speed.duration, speed.api_latency, speed.trend) == (NO_VALUES, NO_VALUES, [])
    assert queries.user_summary(engine, 42, _SINCE).last_run is None


def test_a_users_summary_knows_the_last_run_and_the_last_success(engine: Engine) -> None:
    write(
        engine,
        snapshot("ancient", start_time=_at(-24 * 30)),
        failed("a", start_time=_at(0), duration=3.0),
        failed("b", start_time=_at(1), duration=1.0),
        snapshot("other", user_id=7, start_time=_at(2)),
    )
    answer = queries.user_summary(engine, 42, _SINCE)
    assert (answer.user_id, answer.runs.total, answer.runs.success_rate) == (42, 2, 0.0)
    assert answer.duration == Statistics(2, 2.0, 1.0, 3.0, 3.0, 3.0)
    assert answer.last_run is not None
    assert answer.last_run.sync_task_id == "b"
    assert answer.last_success == _NOON - timedelta(days=30)


def test_the_trend_is_by_utc_day(engine: Engine) -> None:
    write(
        engine,
        snapshot("a", start_time=_at(-12), duration=1.0, api_calls=0, db_seconds=0.1),
        snapshot("b", start_time=_at(11.9999), duration=3.0, api_calls=4, api_seconds=2.0),
        snapshot("c", start_time=_at(12), duration=5.0, api_calls=0),
        running("d", start_time=_at(12)),
    )
    answer = queries.performance(engine, _SINCE)
    assert answer.duration == Statistics(3, 3.0, 3.0, 5.0, 5.0, 5.0)
    assert answer.api_latency == Statistics(1, 0.5, 0.5, 0.5, 0.5, 0.5)
    assert [(day.day, day.duration.count, day.duration.max) for day in answer.trend] == [
        (date(2025, 12, 22), 2, 3.0),
        (date(2025, 12, 23), 1, 5.0),
    ]
    assert answer.trend[0].api_latency.count == 1
    assert answer.trend[1].api_latency == NO_VALUES
    assert answer.trend[0].db_time.p50 == 0.1


@pytest.mark.parametrize("zone", [UTC, ZoneInfo("Asia/Kathmandu")])
def test_without_runs_since_midnight_there_is_no_trend(engine: Engine, zone: tzinfo) -> None:
    write(engine, snapshot("old", start_time=_at(-1)))
    midnight = _NOON + timedelta(hours=12)
    assert queries.performance(engine, midnight, zone) == Performance(
        midnight, None, NO_VALUES, NO_VALUES, NO_VALUES, []
    )


def test_a_run_at_the_moment_when_clocks_change_has_the_new_offset(engine: Engine) -> None:
    """In Chile the hour before a midnight is repeated: the run belongs to the day before."""
    moment = datetime(2025, 4, 6, 3, tzinfo=UTC)
    write(engine, *(snapshot(f"{n}", start_time=moment.timestamp() + n) for n in (-1, 0)))
    zone = ZoneInfo("America/Santiago")
    speed = queries.performance(engine, moment - timedelta(days=2), zone)
    assert [(each.day, each.duration.count) for each in speed.trend] == [(date(2025, 4, 5), 2)]


def test_the_first_run_of_a_period_has_its_local_day_too(engine: Engine) -> None:
    """The next one began on another day."""
    since = _NOON + timedelta(hours=8)
    write(engine, *(snapshot(f"{n}", start_time=since.timestamp() + n * 86400) for n in (0, 1)))
    trend = queries.performance(engine, since, ZoneInfo("Asia/Kathmandu")).trend
    assert [each.day for each in trend] == [date(2025, 12, 23), date(2025, 12, 24)]


def test_a_users_summary_ends_before_the_end_of_its_period(engine: Engine) -> None:
    write(engine, *(snapshot(f"{n}", start_time=_at(n)) for n in range(3)))
    found = queries.user_summary(engine, 42, _NOON + timedelta(hours=1), _NOON + 2 * _HOUR)
    assert (found.runs.total, found.duration.count, found.totals.api_calls) == (1, 1, 10)
    assert found.last_run is not None
    assert found.last_run.sync_task_id == "2", "of all time"


def test_a_run_with_an_infinite_start_is_not_in_the_trend(engine: Engine) -> None:
    """Only SQL by hand writes such a start."""
    write(engine, snapshot("a", start_time=_at(0)), snapshot("b", start_time=_at(0)))
    with engine.begin() as connection:
        never = "UPDATE canvas_sync_metrics SET sync_start_time = 'infinity'"
        connection.exec_driver_sql(f"{never} WHERE sync_task_id = 'b'")
    speed = queries.performance(engine, _SINCE)
    assert [(each.day, each.duration.count) for each in speed.trend] == [(date(2025, 12, 22), 1)]


def test_durations_that_are_not_finite_numbers_are_left_out(engine: Engine) -> None:
    """Only SQL by hand writes such ones; SQLite takes NaN for NULL."""
    values = {"a": 1.0, "b": math.inf, "c": -math.inf, "d": math.nan, "e": 3.0}
    write(engine, *(snapshot(name, start_time=_at(0), duration=values[name]) for name in values))
    answer = queries.performance(engine, _SINCE)
    assert answer.duration == Statistics(2, 2.0, 1.0, 3.0, 3.0, 3.0)
    assert [day.duration for day in answer.trend] == [answer.duration]
    assert queries.summary(engine, _SINCE).duration == answer.duration


@given(durations=st.lists(st.floats(0, 1e6), min_size=1, max_size=120))
@settings(max_examples=50)
def test_percentiles_are_exact_by_nearest_rank(memory: Engine, durations: list[float]) -> None:
    with memory.begin() as connection:
        connection.execute(metrics_table.delete())
    write_runs(
        memory,
        [snapshot(f"{n}", start_time=_at(0), duration=d) for n, d in enumerate(durations)],
    )
    found = queries.performance(memory, _SINCE).duration
    ordered = sorted(durations)

    def rank(percent: int) -> float:
        return ordered[math.ceil(percent * len(ordered) / 100) - 1]

    assert (found.p50, found.p95, found.p99, found.max) == (
        rank(50),
        rank(95),
        rank(99),
        ordered[-1],
    )
    assert found.average == pytest.approx(sum(durations) / len(durations))


def test_runs_without_heartbeat_are_closed_at_their_last_one(engine: Engine) -> None:
    write(
        engine,
        running("dead", start_time=_at(0), heartbeat=_at(0) + 30),
        running("alive", start_time=_at(0), heartbeat=_at(1)),
        snapshot("done", start_time=_at(0)),
    )
    (closed,) = queries.mark_interrupted(engine, _NOON + timedelta(minutes=30))
    assert closed == queries.run_by_task(engine, "dead")
    assert closed.sync_status is RunStatus.INTERRUPTED
    assert (closed.sync_end_time, closed.duration) == (_NOON + timedelta(seconds=30), 30.0)
    assert closed.error_type == "Interrupted"
    assert closed.error_message == "Process 4711 on sync-1 ended without ending the run."
    assert [run.sync_task_id for run in queries.running_runs(engine)] == ["alive"]


def test_only_one_of_several_exporters_reports_a_dead_run(engine: Engine) -> None:
    write(engine, *(running(f"run-{n}", start_time=_at(0)) for n in range(40)))
    found: list[str] = []
    together = threading.Barrier(4)

    def exporter() -> None:
        together.wait()
        found.extend(run.sync_task_id for run in queries.mark_interrupted(engine, _NOON + _HOUR))

    exporters = [threading.Thread(target=exporter) for _ in range(4)]
    for each in exporters:
        each.start()
    for each in exporters:
        each.join()
    assert sorted(found) == sorted(f"run-{n}" for n in range(40))


def test_old_runs_that_have_ended_are_deleted_and_no_others(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(run_deletion, "_LEAST", 2)
    write(engine, *(snapshot(f"old-{n}", start_time=_at(-n)) for n in range(1, 6)))
    write(engine, running("old, running", start_time=_at(-1)), snapshot("new", start_time=_at(0)))
    assert run_deletion.delete_runs(engine, _NOON) == 5
    assert run_deletion.delete_runs(engine, _NOON) == 0
    left = {run.sync_task_id for run in queries.recent_runs(engine, 10).items}
    assert left == {"old, running", "new"}


_HOUR = timedelta(hours=1)
_LONG_AGO = _NOON - timedelta(days=365)
_IN_THE_MIDDLE = make_cursor(_NOON - 10 * _HOUR, 2**62)
_QUESTIONS: dict[str, Callable[[Engine], Any]] = {
    "run_by_id": lambda engine: queries.run_by_id(engine, 1000),
    "run_by_task": lambda engine: queries.run_by_task(engine, "run-1000"),
    "recent_runs": lambda engine: queries.recent_runs(engine, 50),
    "recent_runs, next page": lambda engine: queries.recent_runs(
        engine, 50, queries.recent_runs(engine, 50).next
    ),
    "user_runs": lambda engine: queries.user_runs(engine, 42, 50),
    "user_runs, next page": lambda engine: queries.user_runs(engine, 42, 20, _IN_THE_MIDDLE),
    "failed_runs": lambda engine: queries.failed_runs(engine, _NOON, 50),
    "failed_runs, next page": lambda engine: queries.failed_runs(
        engine, _LONG_AGO, 5, _IN_THE_MIDDLE
    ),
    "running_runs": queries.running_runs,
    "summary": lambda engine: queries.summary(engine, _NOON),
    "user_summary": lambda engine: queries.user_summary(engine, 42, _NOON),
    "performance": lambda engine: queries.performance(engine, _NOON),
    "freshness": lambda engine: freshness(engine, _NOON, _NOON),
    "judge_runs": lambda engine: judge_runs(engine, _NOON),
    "suspect_runs": lambda engine: queries.suspect_runs(engine, _NOON, 50),
    "suspect_runs, next page": lambda engine: queries.suspect_runs(
        engine, _LONG_AGO, 5, _IN_THE_MIDDLE
    ),
    "mark_interrupted": lambda engine: queries.mark_interrupted(engine, _NOON),
    "delete_runs": lambda engine: run_deletion.delete_runs(engine, _NOON - timedelta(hours=498)),
}


def _history() -> list[RunSnapshot]:
    """A history of 5,000 runs of 100 users, all but the newest few before the days asked for."""
    runs = [snapshot(f"run-{n}", user_id=n % 100, start_time=_at(-n / 10)) for n in range(20, 5000)]
    return [*runs, *(failed(f"run-{n}", start_time=_at(n)) for n in range(10)), running("r")]


@pytest.fixture(scope="module", params=DATABASES)
def engine_with_history(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Engine]:
    """The history, which questions that write change by a few runs."""
    with opened(request, tmp_path_factory.mktemp("history")) as engine:
        write(engine, *_history())
        yield engine


@pytest.mark.parametrize("question", _QUESTIONS)
def test_no_query_reads_the_whole_table(engine_with_history: Engine, question: str) -> None:
    """Every statement of each question is explained by the database itself, on a real history."""
    for plan in explained(engine_with_history, _QUESTIONS[question]):
        assert _is_searched_by_index(plan) or _is_read_in_order(plan, question), plan


def _is_searched_by_index(plan: str) -> bool:
    """Return whether the plan enters an index at a value, rather than reading all of it."""
    if "cost=" in plan:
        return "Index Cond" in plan and "Seq Scan" not in plan
    return f"SEARCH {metrics_table.name} USING" in plan and f"SCAN {metrics_table.name}" not in plan


def _is_read_in_order(plan: str, question: str) -> bool:
    """The newest runs of all are the first entries of an index; the limit ends the reading."""
    by_start = f"ix_{metrics_table.name}_start"
    return question.startswith("recent_runs") and by_start in plan and "TEMP B-TREE" not in plan
