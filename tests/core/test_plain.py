"""Values whose own classes fail: a tracker takes them, and never raises."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any, NoReturn

import pytest
from sqlalchemy import Engine, select

from canvas_sync_core.clock import SystemClock
from canvas_sync_core.errors import TrackerMisuseError
from canvas_sync_core.events import ApiCall, DbOperation, ItemsRecorded, RunEnded
from canvas_sync_core.names import RunStatus
from canvas_sync_core.plain import MAX_COUNT, MAX_SECONDS, number_of, text_of, whole_number_of
from canvas_sync_core.store.model import metrics_table
from canvas_sync_instrumentation.monitor import configure
from canvas_sync_instrumentation.testing import recorded_events
from canvas_sync_instrumentation.tracker import CanvasSyncMetricsTracker


def _fails(*_: object, **__: object) -> NoReturn:
    raise RuntimeError("broken")


_METHODS = (
    *("__abs__", "__index__", "__int__", "__float__", "__eq__", "__hash__", "__repr__", "__str__"),
    *("__lt__", "__le__", "__gt__", "__ge__", "__add__", "__radd__", "__mul__", "__rmul__"),
    *("__bool__", "__neg__", "__format__", "__len__", "__iter__", "__contains__", "__getitem__"),
    *("strip", "upper", "lower", "isidentifier", "encode", "partition", "replace"),
)
BrokenInt: Any = type("BrokenInt", (int,), dict.fromkeys(_METHODS[:22], _fails))
BrokenStr: Any = type("BrokenStr", (str,), dict.fromkeys(_METHODS, _fails))
BrokenFloat: Any = type("BrokenFloat", (float,), dict.fromkeys(_METHODS[:22], _fails))


class Liar:
    """Says that it is of another class, or fails when it is asked."""

    @property  # type: ignore[misc]
    def __class__(self) -> Any:
        raise RuntimeError("broken")


WHOLE_NUMBERS: dict[str, tuple[Any, int | None]] = {
    "subclass": (BrokenInt(42), 42),
    "float": (42.0, None),
    "decimal": (Decimal(42), None),
    "bool": (True, None),
    "text": ("42", None),
    "liar": (Liar(), None),
    "index": (type("Index", (), {"__index__": lambda _: 42})(), 42),
    "broken index": (type("Index", (), {"__index__": _fails})(), None),
}


@pytest.mark.parametrize("name", WHOLE_NUMBERS)
def test_whole_numbers_become_int(name: str) -> None:
    given, number = WHOLE_NUMBERS[name]
    found = whole_number_of(given)
    assert found == number
    assert type(found) in (int, type(None))


NUMBERS: dict[str, tuple[Any, float | None]] = {
    "subclass": (BrokenFloat(1.5), 1.5),
    "whole": (BrokenInt(3), 3.0),
    "decimal": (Decimal("1.5"), 1.5),
    "fraction": (Fraction(3, 2), 1.5),
    "long": (10**5000, math.inf),
    "long below 0": (-(10**5000), -math.inf),
    "nan": (math.nan, None),
    "signalling nan": (Decimal("sNaN"), None),
    "text": ("1.5", None),
    "bool": (True, None),
    "none": (None, None),
    "liar": (Liar(), None),
}


@pytest.mark.parametrize("name", NUMBERS)
def test_numbers_become_float(name: str) -> None:
    given, number = NUMBERS[name]
    found = number_of(given)
    assert found == number
    assert type(found) in (float, type(None))


def test_texts_become_str() -> None:
    assert text_of(BrokenStr("t1")) == "t1"
    assert type(text_of(BrokenStr("t1"))) is str
    assert text_of(Liar()).startswith("<")
    assert text_of(type("Silent", (), {"__str__": _fails})()) == "Silent"


CALLS: list[Callable[[CanvasSyncMetricsTracker, Any, Any, Any], object]] = [
    lambda run, n, x, s: run.record_course(n, created=n),
    lambda run, n, x, s: run.record_items(s, n),
    lambda run, n, x, s: run.record_api_call(s, s, n, x),
    lambda run, n, x, s: run.record_api_call("GET", "/api/v1/courses", 200, x, headers={"Link": s}),
    lambda run, n, x, s: run.record_api_call("GET", "/api/v1/courses", error=s),
    lambda run, n, x, s: run.record_db_operation(s, s, n, x, batch=n, error=s),
    lambda run, n, x, s: run.record_error(s, operation=s),
    lambda run, n, x, s: run.progress(x, s),
    lambda run, n, x, s: run.progress(n, s),
    lambda run, n, x, s: run.step(s).__enter__(),
    lambda run, n, x, s: run.complete_partial(s),
    lambda run, n, x, s: run.complete_failure(s),
    lambda run, n, x, s: run.retry_later(s, seconds=x),
    lambda run, n, x, s: run.__exit__(SystemExit, SystemExit(n), None),
]
ODD: dict[str, tuple[Any, Any, Any]] = {
    "broken": (BrokenInt(1), BrokenFloat(1.0), BrokenStr("t")),
    "no number": (10**5000, math.nan, "\0\udc80"),
    "negative": (-1, -math.inf, ""),
    "none": (None, None, None),
    "liar": (Liar(), Liar(), Liar()),
    "object": (object(), [], {}),
    "infinite": (math.inf, 10**5000, b"\xff" * 10_000),
}


@pytest.mark.parametrize("odd", ODD)
def test_no_value_raises_out_of_a_tracker_in_production(odd: str) -> None:
    number, duration, text = ODD[odd]
    with recorded_events(strict=False) as events:
        for call in CALLS:
            call(CanvasSyncMetricsTracker("t1", 42), number, duration, text)
        run = CanvasSyncMetricsTracker(
            text, number, sync_type=text, course_id=number, metadata=text, linked_to=text
        )
        with run:
            pass
    assert run.status is RunStatus.SUCCESS
    assert events


class Unreadable(Exception):  # noqa: N818 - whatever is looked at fails
    def __getattribute__(self, name: str) -> NoReturn:
        raise RuntimeError(name)


class BrokenCause(ValueError):  # noqa: N818 - as above
    __cause__ = property(_fails)


class _Nameless(type):
    __name__ = property(_fails)


class Nameless(Exception, metaclass=_Nameless):  # noqa: N818 - as above
    pass


ERRORS: dict[str, type[Exception]] = {
    "Unreadable": Unreadable,
    "BrokenCause": BrokenCause,
    "Nameless": Nameless,
}


@pytest.mark.parametrize("name", ERRORS)
def test_an_error_that_cannot_be_inspected_reaches_the_sync_and_ends_its_run(name: str) -> None:
    kind, raised = ERRORS[name], None
    with recorded_events() as events:
        try:
            with CanvasSyncMetricsTracker("t1", 42) as run, run.step("x"):
                raise kind
        except Exception as error:  # noqa: BLE001 - pytest would look at it
            raised = type(error) is kind
    (ended,) = (event for event in events if isinstance(event, RunEnded))
    assert raised
    assert ended.snapshot.status is RunStatus.FAILED
    assert ended.snapshot.error is not None
    assert ended.snapshot.error.error_type == name


def test_numbers_of_any_class_count() -> None:
    with recorded_events() as events, CanvasSyncMetricsTracker(BrokenStr("t1"), BrokenInt(42)) as r:
        r.record_course(BrokenInt(3), created=True)
        r.record_db_operation("CREATE", "Course", BrokenInt(2), Decimal("0.5"))  # type: ignore[arg-type]
    (ended,) = (event for event in events if isinstance(event, RunEnded))
    assert (ended.snapshot.task_id, ended.snapshot.user_id) == ("t1", 42)
    assert ended.snapshot.items["course"].created == 3
    assert ended.snapshot.db_seconds == 0.5


def test_a_count_or_duration_out_of_range_is_cut_and_the_call_recorded(
    caplog: pytest.LogCaptureFixture,
) -> None:
    with recorded_events(strict=False) as events, CanvasSyncMetricsTracker("t1", 42) as run:
        for seconds in (math.inf, 10**400, -1, math.nan):
            run.record_api_call("GET", "/api/v1/courses", 200, seconds)
        for count in (2**70, -5):
            run.record_course(count)
            run.record_db_operation("CREATE", "Course", count)
    calls = [event.duration for event in events if isinstance(event, ApiCall)]
    assert calls == [MAX_SECONDS, MAX_SECONDS, 0, 0]
    assert [event.count for event in events if isinstance(event, DbOperation)] == [MAX_COUNT, 0]
    assert [event.counts.processed for event in events if isinstance(event, ItemsRecorded)] == [
        MAX_COUNT
    ]
    assert len(caplog.records) == 3  # each rule once


def test_a_sum_beyond_the_highest_count_is_cut_and_reported_once(
    tmp_path: Path, engine: Engine, empty_database_url: str, caplog: pytest.LogCaptureFixture
) -> None:
    monitor = configure(log_dir=tmp_path, database_url=empty_database_url, strict=False)
    with CanvasSyncMetricsTracker("t1", 42) as run:
        for _ in range(1100):  # 1100 * 2**53 does not fit the column
            run.record_course(2**53, created=True)
            run.record_db_operation("CREATE", "Course", 2**53, 1e9)
    assert monitor.flush(600)
    with engine.connect() as connection:
        row = connection.execute(select(metrics_table)).one()
    assert row.sync_status == "success"
    assert row.courses_processed == row.courses_created == MAX_COUNT
    assert row.db_operations == 1100
    assert math.isfinite(row.db_seconds)
    assert sum("its row says" in record.message for record in caplog.records) == 1


def test_a_sum_beyond_the_highest_count_is_a_clear_error_in_tests() -> None:
    with recorded_events(), CanvasSyncMetricsTracker("t1", 42) as run:
        run.record_course(2**53)
        with pytest.raises(TrackerMisuseError, match="over 2\\*\\*53 in one run"):
            run.record_course()


@pytest.mark.parametrize("stand_in", [lambda: math.nan, lambda: math.inf, lambda: -1e300, _fails])
@pytest.mark.parametrize("name", ["time", "perf_counter"])
def test_a_clock_that_is_replaced_by_the_apps_tests_disturbs_nothing(
    monkeypatch: pytest.MonkeyPatch, stand_in: Callable[[], float], name: str
) -> None:
    before = SystemClock().time()
    with recorded_events(SystemClock()) as events:
        with monkeypatch.context() as replaced:
            replaced.setattr(time, name, stand_in)
            with CanvasSyncMetricsTracker("t1", 42) as run:
                run.progress(50)
        (ended,) = (event for event in events if isinstance(event, RunEnded))
    assert before <= ended.snapshot.start_time <= ended.time <= SystemClock().time()
