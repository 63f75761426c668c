"""Whatever happens to the rows, rollups and rows answer the same."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack, suppress
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Any
from unittest.mock import patch
from zoneinfo import ZoneInfo

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine, delete, select, update

from canvas_sync_core.events import ErrorInfo, ItemCounts, RunSnapshot
from canvas_sync_core.names import ITEMS, RunStatus
from canvas_sync_core.store import queries, run_deletion
from canvas_sync_core.store.model import metrics_table
from canvas_sync_core.store.rollups import precomputed, writing
from canvas_sync_core.store.rollups.reading import Rollups
from canvas_sync_core.store.rollups.series import SeriesReader
from canvas_sync_core.store.rollups.slices import STEPS
from canvas_sync_core.store.rollups.tables import changes_table, days_table, rollups_table
from canvas_sync_core.store.rollups.writing import Waiting, roll_up, waiting
from canvas_sync_core.store.rows import write_runs
from support.rollups import assert_same_answers, assert_same_errors, assert_same_series
from support.runs import running, snapshot

_NOON = datetime(2025, 12, 22, 12, tzinfo=UTC)
_SINCE = _NOON - timedelta(days=3, minutes=22)
_ALWAYS = 600.0
_SMALL_PIECES = {"_MANY_ROWS": 0, "_MOST_ROWS": 3, "_MOST_ENTRIES": 4, "_AT_ONCE": 2}
_ZONES: list[tzinfo] = [UTC, ZoneInfo("America/New_York"), ZoneInfo("Asia/Kathmandu")]
_runs = metrics_table.c


class _KilledError(Exception):
    pass


def _at(minutes: float) -> float:
    return (_NOON + timedelta(minutes=minutes)).timestamp()


class _History:
    """The same changes of rows in the database and in one that keeps everything; both emptied."""

    def __init__(self, engine: Engine, shadow: Engine) -> None:
        self.engine = engine
        self.shadow = shadow
        _execute(shadow, delete(metrics_table))
        for table in (metrics_table, rollups_table, changes_table, days_table):
            _execute(engine, delete(table))
        self.rollups = Rollups(engine)
        self.series = SeriesReader(engine)
        self.deleted: set[str] = set()

    def write(self, run: RunSnapshot) -> None:
        if run.task_id not in self.deleted:
            self._both(lambda engine: write_runs(engine, [run]))

    def interrupt(self, minutes: float) -> None:
        before = _NOON + timedelta(minutes=minutes)
        self._both(lambda engine: queries.mark_interrupted(engine, before))

    def correct(self, task_id: str, changes: dict[str, Any]) -> None:
        statement = update(metrics_table).where(_runs.sync_task_id == task_id).values(changes)
        if task_id not in self.deleted:
            self._both(lambda engine: _execute(engine, statement))

    def remove(self, task_id: str) -> None:
        statement = delete(metrics_table).where(_runs.sync_task_id == task_id)
        if task_id not in self.deleted:
            self._both(lambda engine: _execute(engine, statement))

    def roll_up(self, steps: int) -> None:
        """Roll up, but stop in the middle of a transaction after so many steps."""
        left = iter(range(steps))

        def stop(_step: str) -> None:
            if next(left, None) is None:
                raise _KilledError

        with suppress(_KilledError):
            roll_up(self.engine, _ALWAYS, stop)

    def retain(self, minutes: float) -> None:
        """Delete what is old; it may not come back, for then it would be counted twice.

        Nor may another use of its task id, whose row would get another number behind the id.
        """
        names = select(_runs.sync_task_id)
        run_deletion.delete_runs(self.engine, _NOON + timedelta(minutes=minutes))
        with self.engine.connect() as connection, self.shadow.connect() as everything:
            left = set(connection.scalars(names))
            gone = set(everything.scalars(names)) - left
        self.deleted = {task_id.partition("~")[0] for task_id in gone}

    def check(self, zone: tzinfo, since: datetime = _SINCE, until: datetime | None = None) -> None:
        assert_same_answers(self.rollups, self.shadow, since, zone, until)
        end = until or since + timedelta(days=9)
        step = None if zone is UTC else _long_step(since, end)
        assert_same_series(self.series, self.shadow, since, end, zone=zone, step=step)
        assert_same_errors(self.engine, since, end, rows=self.shadow)

    def _both(self, change: Callable[[Engine], object]) -> None:
        change(self.engine)
        change(self.shadow)


def _long_step(since: datetime, until: datetime) -> str:
    return next((each for each in ("3h", "12h", "7d") if (until - since) / STEPS[each] < 99), "28d")


def _execute(engine: Engine, statement: Any) -> None:
    with engine.begin() as connection:
        connection.execute(statement)


_TASKS = st.sampled_from("abcdef")
_MINUTES = st.sampled_from(
    [-4351, -4350, -4340, -3000, -1441, -70, -62, -61, -46, -31, -16, -15, -1, 0, 725, 800]
)
_TIMES = st.one_of(_MINUTES, st.integers(-(10**6), 10**6)).map(
    lambda minutes: _NOON + timedelta(minutes=minutes)
)
_SECONDS = st.one_of(st.just(0.0), st.floats(0.001, 1e5))
_STATUS = st.sampled_from([*RunStatus])
_ERRORS = st.none() | st.sampled_from(["HTTPError", "Timeout"]).map(
    lambda error: ErrorInfo(error, "m")
)
_KIND = st.sampled_from(["full", "grades"])


@st.composite
def _snapshots(draw: st.DrawFn) -> RunSnapshot:
    start, status = _at(draw(_MINUTES)), draw(_STATUS)
    make = running if status is RunStatus.RUNNING else snapshot
    changes: dict[str, Any] = {} if status is RunStatus.RUNNING else {"duration": draw(_SECONDS)}
    return make(
        draw(_TASKS),
        start_time=start,
        sync_type=draw(_KIND),
        heartbeat=start + draw(st.integers(0, 3 * 86400)),
        error=draw(_ERRORS),
        api_calls=draw(st.integers(0, 9)),
        api_seconds=draw(_SECONDS),
        db_seconds=draw(_SECONDS),
        items={item: ItemCounts(processed=draw(st.integers(0, 2))) for item in ITEMS},
        **changes,
    )


_CORRECTIONS = st.fixed_dictionaries(
    {},
    optional={
        "sync_start_time": _MINUTES.map(lambda minutes: _NOON + timedelta(minutes=minutes)),
        "sync_status": _STATUS.map(lambda status: status.value),
        "sync_end_time": _MINUTES.map(lambda minutes: _NOON + timedelta(minutes=minutes)),
        "duration": _SECONDS,
        "sync_type": _KIND,
        "grades_failed": st.integers(0, 5),
        "error_type": st.sampled_from([None, "HTTPError", "Renamed"]),
    },
).filter(bool)
_STEPS = st.one_of(
    st.builds(lambda run: lambda history: history.write(run), _snapshots()),
    st.builds(lambda run: lambda history: history.write(run), _snapshots()),
    st.builds(lambda steps: lambda history: history.roll_up(steps), st.integers(0, 12)),
    st.builds(lambda zone: lambda history: history.check(zone), st.sampled_from(_ZONES)),
    st.builds(
        lambda zone, period: lambda history: history.check(zone, *period),
        st.sampled_from(_ZONES),
        st.tuples(_TIMES, _TIMES).filter(lambda period: period[0] < period[1]),
    ),
    st.builds(
        lambda task, changes: lambda history: history.correct(task, changes), _TASKS, _CORRECTIONS
    ),
    st.builds(lambda task: lambda history: history.remove(task), _TASKS),
    st.builds(lambda minutes: lambda history: history.interrupt(minutes), _MINUTES),
    st.builds(lambda minutes: lambda history: history.retain(minutes), _MINUTES),
)


@settings(
    max_examples=15,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(
    st.lists(_STEPS, min_size=1, max_size=20),
    st.sampled_from(_ZONES),
    st.booleans(),
)
def test_answers_equal_those_of_the_rows_whatever_happens(
    engine: Engine,
    memory_engine: Engine,
    steps: list[Callable[[_History], None]],
    zone: tzinfo,
    in_advance: bool,
) -> None:
    """Also where one run is so many that 15-minute buckets are added up in advance, in pieces."""
    history = _History(engine, memory_engine)
    for step in steps:
        with ExitStack() as stack:
            if in_advance:
                for name, value in _SMALL_PIECES.items():
                    stack.enter_context(patch.object(precomputed, name, value))
                stack.enter_context(patch.object(writing, "_GROUPS_AT_ONCE", 2))
            step(history)
    history.check(zone)
    history.roll_up(1000)
    assert waiting(engine) == Waiting(0, 0)
    history.check(zone)
