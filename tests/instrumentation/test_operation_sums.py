"""Equal database operations that come too fast are summed up, and none is lost or counted twice."""

from __future__ import annotations

import asyncio
import os
import threading
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa
from hypothesis import given
from hypothesis import strategies as st
from msgspec import json as msgspec_json
from msgspec import structs
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession, create_async_engine
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column

from canvas_sync_core.clock import SystemClock
from canvas_sync_core.events import (
    DbOperation,
    DbOperationsSummed,
    ErrorInfo,
    Event,
    RunContext,
    RunEnded,
)
from canvas_sync_core.threads import Daemon
from canvas_sync_exporter.logs.analysis.analyze import analyze
from canvas_sync_exporter.logs.analysis.figures import make_log_report
from canvas_sync_exporter.logs.analysis.records import Selection
from canvas_sync_instrumentation import (
    CanvasSyncMetricsTracker,
    configure,
    instrument_sqlalchemy,
    shutdown,
    uninstrument_sqlalchemy,
)
from canvas_sync_instrumentation.operation_sums import SLOW_SECONDS, OperationSums
from canvas_sync_instrumentation.propagation import carry_run
from canvas_sync_instrumentation.testing import FixedClock, recording
from support.log_lines import records_in

CONTEXT = RunContext("nightly-42", 42, None, "full", "a" * 32, "b" * 16, sampled=True)
INSERT = DbOperation(CONTEXT, 1.8e9, 0.002, "INSERT", "courses")
SELECT = structs.replace(INSERT, operation="SELECT")


class Reported:
    """Sums with a clock that only moves when advanced, and what they have emitted."""

    def __init__(self, singly: int = 3) -> None:
        self.clock = FixedClock()
        self.events: list[Event] = []
        self.sums = OperationSums(singly, self.clock, self.events.append)

    def report(self, *operations: DbOperation) -> None:
        for operation in operations:
            self.sums.emit_operation(structs.replace(operation, time=self.clock.time()))

    def lines(self) -> list[tuple[str, int]]:
        """Each line that a log would have: its operation, and how many it stands for."""
        return [
            (event.operation, event.operations if isinstance(event, DbOperationsSummed) else 1)
            for event in self.events
            if isinstance(event, DbOperationsSummed)
            or (isinstance(event, DbOperation) and not event.is_summed)
        ]


def test_the_first_are_logged_singly_and_the_rest_of_the_second_is_one_line() -> None:
    reported = Reported()
    reported.report(*[INSERT] * 10)
    assert reported.lines() == [("INSERT", 1)] * 3
    reported.sums.emit_all("another-run")
    reported.sums.emit_all("nightly-42")
    assert reported.lines() == [*[("INSERT", 1)] * 3, ("INSERT", 7)]
    summed = reported.events[-1]
    assert isinstance(summed, DbOperationsSummed)
    assert (summed.count, summed.longest, summed.context) == (7, 0.002, CONTEXT)
    assert summed.duration == pytest.approx(0.014)


def test_operations_that_alternate_are_also_summed_up() -> None:
    reported = Reported()
    reported.report(*[SELECT, INSERT] * 100)
    reported.sums.emit_all()
    assert Counter(reported.lines()) == {
        ("SELECT", 1): 3,
        ("INSERT", 1): 3,
        ("SELECT", 97): 1,
        ("INSERT", 97): 1,
    }


def test_while_they_keep_coming_each_second_is_one_line_and_afterwards_they_are_single() -> None:
    reported = Reported()
    for _ in range(3):
        reported.report(*[INSERT] * 10)
        reported.clock.advance(1.0)
    reported.report(INSERT)
    assert reported.lines()[3:] == [("INSERT", 7), ("INSERT", 10), ("INSERT", 10)]
    reported.clock.advance(1.0)
    reported.report(*[INSERT] * 3)
    assert reported.lines()[6:] == [("INSERT", 1)] * 4  # the first of them was still summed up


def test_operations_at_the_pace_of_api_calls_are_never_summed_up() -> None:
    reported = Reported()
    for _ in range(50):
        reported.report(INSERT)
        reported.clock.advance(0.4)
    assert reported.lines() == [("INSERT", 1)] * 50


@pytest.mark.parametrize(
    "changes",
    [{"duration": SLOW_SECONDS}, {"statement": "INSERT INTO courses(id) VALUES(?)"}],
    ids=["slow", "shown with its SQL"],
)
def test_an_operation_worth_a_line_is_never_summed_up(changes: dict[str, object]) -> None:
    reported = Reported()
    reported.report(*[structs.replace(INSERT, **changes)] * 10)
    assert reported.lines() == [("INSERT", 1)] * 10


def test_outside_a_run_nothing_is_summed_up() -> None:
    reported = Reported()
    reported.report(*[structs.replace(INSERT, context=None)] * 10)
    assert reported.lines() == [("INSERT", 1)] * 10


def test_operations_before_a_failure_are_logged_before_it() -> None:
    reported = Reported()
    failed = structs.replace(INSERT, error=ErrorInfo("IntegrityError", "taken"))
    reported.report(*[INSERT] * 10, failed)
    assert reported.lines() == [*[("INSERT", 1)] * 3, ("INSERT", 7), ("INSERT", 1)]
    last = reported.events[-1]
    assert isinstance(last, DbOperation)
    assert last.outcome == "failed"


@pytest.mark.parametrize("name", ["table", "operation", "batch", "context"])
def test_operations_that_differ_are_not_summed_up_together(name: str) -> None:
    step = structs.replace(CONTEXT, span_id="c" * 16)
    others = {"table": "users", "operation": "UPDATE", "batch": True, "context": step}
    reported = Reported()
    reported.report(*[INSERT, structs.replace(INSERT, **{name: others[name]})] * 3)
    assert [count for _, count in reported.lines()] == [1] * 6


def test_with_very_many_kinds_of_operations_each_is_still_logged() -> None:
    reported = Reported(singly=1)
    kinds = [structs.replace(INSERT, table=f"t{number}") for number in range(1500)]
    reported.report(*kinds, *kinds)
    reported.sums.emit_all()
    assert sum(count for _, count in reported.lines()) == 3000


def test_a_sum_comes_within_about_a_second_even_if_nothing_follows() -> None:
    """What a process killed later would otherwise take with it."""
    summed = threading.Event()
    numbers: list[int] = []

    def emit(event: Event) -> None:
        if isinstance(event, DbOperationsSummed):
            numbers.append(event.operations)
            summed.set()

    sums = OperationSums(2, SystemClock(), emit)
    for _ in range(7):
        sums.emit_operation(INSERT)
    assert summed.wait(60)
    assert sum(numbers) == 5
    sums.close()
    assert sums._thread is not None
    assert sums._thread.join(60)


def test_a_forked_child_does_not_repeat_what_its_parent_has_summed_up() -> None:
    reported = Reported()
    reported.report(*[INSERT] * 10)
    reported.events.clear()
    reported.sums.after_fork_in_child()
    reported.sums.close()
    assert reported.events == []


def test_after_the_end_of_telemetry_operations_are_single() -> None:
    reported = Reported()
    reported.sums.close()
    reported.report(*[INSERT] * 10)
    assert reported.lines() == [("INSERT", 1)] * 10


def test_a_thread_that_could_not_be_started_is_tried_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """As where a time limit of the app raises in the middle of the start."""
    starts: list[bool] = []

    def start(_daemon: Daemon) -> bool:
        starts.append(True)
        if len(starts) == 1:
            raise KeyboardInterrupt
        return False

    monkeypatch.setattr(Daemon, "start", start)
    reported = Reported(singly=1)
    reported.report(INSERT)
    with pytest.raises(KeyboardInterrupt):
        reported.report(INSERT)
    reported.report(INSERT)
    assert len(starts) == 2
    reported.sums.close()
    assert sum(count for _, count in reported.lines()) == 3


def test_an_operation_is_emitted_even_if_a_signal_interrupts_the_sum_before_it() -> None:
    seen: list[Event] = []

    def emit(event: Event) -> None:
        if isinstance(event, DbOperationsSummed):
            raise KeyboardInterrupt
        seen.append(event)

    sums = OperationSums(1, FixedClock(), emit)
    sums.emit_operation(INSERT)
    sums.emit_operation(INSERT)
    with pytest.raises(KeyboardInterrupt):
        sums.emit_operation(structs.replace(INSERT, error=ErrorInfo("IntegrityError", "taken")))
    assert [event.outcome for event in seen if isinstance(event, DbOperation)] == [
        *("success", "success", "failed")
    ]


OPERATIONS = st.tuples(
    st.sampled_from(["INSERT", "SELECT", "UPDATE"]),
    st.sampled_from(["courses", "users"]),
    st.sampled_from([0.0, 0.001, 0.25]),
    st.integers(0, 5),
    st.sampled_from([False] * 9 + [True]),
    st.sampled_from([0.0] * 5 + [0.3, 1.0, 5.0]),
)


@given(st.lists(OPERATIONS, max_size=120), st.integers(1, 5))
def test_sums_and_single_lines_together_are_what_would_have_been_logged_singly(
    done: list[tuple[str, str, float, int, bool, float]], singly: int
) -> None:
    reported = Reported(singly)
    truth: Counter[tuple[str, str, str]] = Counter()
    rows: Counter[str] = Counter()
    longest = 0.0
    for operation, table, seconds, count, fails, pause in done:
        error = ErrorInfo("OperationalError", "locked") if fails else None
        each = DbOperation(CONTEXT, 0, seconds, operation, table, count, error=error)
        reported.report(each)
        reported.clock.advance(pause)
        truth[operation, table, each.outcome] += 1
        rows[operation] += count
        longest = max(longest, seconds)
    reported.sums.close()

    logged: Counter[tuple[str, str, str]] = Counter()
    logged_rows: Counter[str] = Counter()
    total, logged_longest = 0.0, 0.0
    for event in reported.events:
        if isinstance(event, DbOperationsSummed):
            logged[event.operation, event.table, "success"] += event.operations
            assert 0 <= event.elapsed < 1.5
        elif isinstance(event, DbOperation) and not event.is_summed:
            logged[event.operation, event.table, event.outcome] += 1
        else:
            continue
        logged_rows[event.operation] += event.count
        total += event.duration
        longest_here = event.longest if isinstance(event, DbOperationsSummed) else event.duration
        logged_longest = max(logged_longest, longest_here)
    assert logged == truth
    assert logged_rows == rows
    assert total == pytest.approx(sum(seconds for _, _, seconds, *_ in done))
    assert logged_longest == longest
    # Counters are exact whatever is summed up: each operation is an event of its own.
    counted = [event for event in reported.events if isinstance(event, DbOperation)]
    assert len(counted) == len(done)


class Base(DeclarativeBase):
    """Tables of the app."""


class Assignment(Base):
    __tablename__ = "assignments"

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    name: Mapped[str]


@pytest.fixture(params=["sqlite", "postgresql"], name="app_engine")
def _app_engine(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[sa.Engine]:
    if request.param == "postgresql":
        url = request.getfixturevalue("postgresql_url").replace(":", "+psycopg:", 1)
    else:
        url = f"sqlite:///{tmp_path}/app.sqlite3"
    engine = sa.create_engine(url)
    Base.metadata.create_all(engine)
    instrument_sqlalchemy(engine)
    yield engine
    uninstrument_sqlalchemy(engine)
    engine.dispose()


def test_merged_rows_are_a_readable_log_with_all_of_them_in_it(
    app_engine: sa.Engine, tmp_path: Path
) -> None:
    folder = tmp_path / "logs"
    rows = 602 if app_engine.name == "sqlite" else 150
    configure(environ={"CANVAS_SYNC_LOG_DIR": str(folder)})
    with CanvasSyncMetricsTracker("merging", 42), Session(app_engine) as session:
        for number in range(rows):
            session.merge(Assignment(id=number, name="Essay"))
        session.commit()
    shutdown()
    lines = records_in(folder / "database.log")
    assert len(lines) < rows  # about 24 for 602 rows where nothing else runs
    (end,) = [line for line in records_in(folder / "operations.log") if "db_operations" in line]
    assert end["db_operations"] == 2 * rows
    assert end["items"]["assignment"]["created"] == rows
    analysis = analyze(folder, folder / "archive", Selection())
    report = make_log_report(analysis, folder, Selection(), 10)
    groups = {(each.operation, each.table): each for each in report.database}
    for operation in ("SELECT", "INSERT"):
        assert groups[operation, "assignments"].count == rows
    assert groups["INSERT", "assignments"].rows == rows
    assert report.database_total.count == 2 * rows
    assert sum(line["duration_seconds"] for line in lines) == pytest.approx(end["db_seconds"])


def test_a_trace_shows_the_sum_as_one_span_from_the_first_to_the_last() -> None:
    clock = FixedClock()
    with recording(clock) as recorded:
        with CanvasSyncMetricsTracker("merging", 42) as run, run.step("courses"):
            for _ in range(100):
                clock.advance(0.002)
                run.record_db_operation("INSERT", "courses", 1, 0.001)
        assert len(recorded.db_operations) == 100
        spans = [span for span in recorded.spans if span.name == "INSERT courses"]
    assert len(spans) == 11
    summed = spans[-1]
    assert summed.attributes is not None
    assert summed.attributes["canvas.db.operations"] == 90
    assert summed.attributes["canvas.db.rows"] == 90
    assert summed.attributes["canvas.db.duration"] == pytest.approx(0.09)
    elapsed = ((summed.end_time or 0) - (summed.start_time or 0)) / 1e9
    assert elapsed == pytest.approx(0.179, abs=1e-4)
    parents = {span.parent.span_id for span in spans if span.parent}
    assert len(parents) == 1
    sums = [n for n, each in enumerate(recorded.events) if isinstance(each, DbOperationsSummed)]
    ends = [n for n, each in enumerate(recorded.events) if isinstance(each, RunEnded)]
    assert sums < ends


def test_threads_of_one_run_lose_no_operation() -> None:
    with recording(FixedClock()) as recorded:
        with CanvasSyncMetricsTracker("threads", 42) as run:

            def write() -> None:
                for _ in range(200):
                    run.record_db_operation("INSERT", "courses", 1, 0.001)

            threads = [threading.Thread(target=carry_run(write)) for _ in range(4)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
        (summed,) = [each for each in recorded.events if isinstance(each, DbOperationsSummed)]
        assert summed.operations == 790
        assert recorded.runs[-1].db_operations == 800


def test_runs_of_one_event_loop_are_summed_up_apart(tmp_path: Path) -> None:
    async def sync(user: int, engine: AsyncEngine) -> None:
        with CanvasSyncMetricsTracker(f"user-{user}", user):
            async with AsyncSession(engine) as session:
                for number in range(30):
                    await session.merge(Assignment(id=user * 100 + number, name="Essay"))
                await session.commit()

    async def sync_all() -> None:
        engine = create_async_engine(f"sqlite+aiosqlite:///{tmp_path}/app.sqlite3")
        async with engine.begin() as connection:
            await connection.run_sync(Base.metadata.create_all)
        instrument_sqlalchemy(engine)
        try:
            await sync(1, engine)
            await asyncio.gather(sync(2, engine), sync(3, engine))
        finally:
            uninstrument_sqlalchemy(engine)
            await engine.dispose()

    with recording(FixedClock()) as recorded:
        asyncio.run(sync_all())
        for user in (1, 2, 3):
            lines = [
                getattr(event, "operations", 1)
                for event in recorded.events
                if isinstance(event, DbOperationsSummed | DbOperation)
                and not getattr(event, "is_summed", False)
                and (event.context is not None and event.context.user_id == user)
            ]
            assert sum(lines) == 60
            assert len(lines) < 60


def test_the_operations_of_a_command_are_summed_up_in_the_run_of_its_wrapper(
    tmp_path: Path,
) -> None:
    outer = {"CANVAS_SYNC_RUN": msgspec_json.encode(CONTEXT).decode()}
    configure(environ={**os.environ, **outer, "CANVAS_SYNC_LOG_DIR": str(tmp_path)})
    engine = sa.create_engine("sqlite://")
    instrument_sqlalchemy(engine)
    with engine.connect() as connection:
        for _ in range(50):
            connection.exec_driver_sql("SELECT 1")
    uninstrument_sqlalchemy(engine)
    engine.dispose()
    shutdown()
    lines = records_in(tmp_path / "database.log")
    assert sum(line.get("operations", 1) for line in lines) == 50
    assert len(lines) < 50
