"""Runs are listed by any filters, page by page, in bounded time."""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec import structs
from sqlalchemy import Engine, delete, update

from canvas_sync_core.events import ErrorInfo
from canvas_sync_core.names import RunStatus
from canvas_sync_core.store import run_portions, run_search
from canvas_sync_core.store.cursors import BadCursor
from canvas_sync_core.store.database import open_engine
from canvas_sync_core.store.model import metrics_table
from canvas_sync_core.store.run_facets import FacetValue, run_facets
from canvas_sync_core.store.run_filter import RunFilter
from canvas_sync_core.store.run_search import RunSearchPage, newest_runs, search_runs
from canvas_sync_core.store.runs import RunRow
from support.plans import assert_bounded, explained, preferring_indexes
from support.runs import HOUR, NOON, at, failed, running, snapshot, write
from support.tables import create_tables


@pytest.fixture
def engine(emptied_engine: Engine) -> Engine:
    return emptied_engine


def _names(page: RunSearchPage) -> list[str]:
    return [run.sync_task_id for run in page.items]


def _flag(engine: Engine, *task_ids: str) -> None:
    is_named = metrics_table.c.sync_task_id.in_(task_ids)
    with engine.begin() as connection:
        connection.execute(update(metrics_table).where(is_named).values(suspect=True))


@pytest.mark.parametrize(
    ("wanted", "names"),
    [
        (RunFilter(), ["h", "g", "f", "e", "d", "c", "b", "a"]),
        (RunFilter(statuses=("failed",)), ["c", "b"]),
        (RunFilter(statuses=("failed", "running")), ["h", "c", "b"]),
        (RunFilter(sync_types=("grades", "users")), ["f", "e"]),
        (RunFilter(statuses=("success",), sync_types=("grades",)), ["e"]),
        (RunFilter(statuses=("failed",), sync_types=("full",)), ["c", "b"]),
        (RunFilter(user_id=7), ["d", "c"]),
        (RunFilter(user_id=7, statuses=("failed",)), ["c"]),
        (RunFilter(course_id=9), ["g"]),
        (RunFilter(host="sync-2"), ["g", "a"]),
        (RunFilter(host="sync-2", statuses=("success", "failed")), ["g", "a"]),
        (RunFilter(error_type="HTTPError"), ["c"]),
        (RunFilter(is_suspect=True), ["g", "a"]),
        (RunFilter(is_suspect=True, course_id=9), ["g"]),
        (RunFilter(min_duration=100), ["e", "d"]),
        (RunFilter(max_duration=100), ["g", "f", "d", "c", "b", "a"]),
        (RunFilter(min_duration=100, max_duration=100), ["d"]),
        (RunFilter(since=NOON + 2 * HOUR, until=NOON + 4 * HOUR), ["d", "c"]),
        (RunFilter(host="nowhere"), []),
    ],
)
def test_a_run_must_match_all_filters(engine: Engine, wanted: RunFilter, names: list[str]) -> None:
    write(
        engine,
        snapshot("a", start_time=at(0), host="sync-2"),
        failed("b", start_time=at(1)),
        structs.replace(
            failed("c", start_time=at(2), user_id=7), error=ErrorInfo("HTTPError", "404")
        ),
        snapshot("d", start_time=at(3), user_id=7, duration=100.0),
        snapshot("e", start_time=at(4), sync_type="grades", duration=101.0),
        snapshot("f", start_time=at(5), sync_type="users"),
        snapshot("g", start_time=at(6), host="sync-2", course_id=9),
        running("h", start_time=at(7)),
    )
    _flag(engine, "a", "g")
    assert _names(search_runs(engine, wanted, 50)) == names


def test_a_full_page_ends_with_a_cursor_and_the_last_one_without(engine: Engine) -> None:
    write(engine, *(snapshot(f"run-{n}", start_time=at(n), host="a") for n in range(5)))
    first = search_runs(engine, RunFilter(host="a"), 3)
    assert _names(first) == ["run-4", "run-3", "run-2"]
    last = search_runs(engine, RunFilter(host="a"), 3, first.next)
    assert (_names(last), last.next, last.searched_to) == (["run-1", "run-0"], None, None)


def test_a_search_for_rare_runs_ends_after_its_time_and_goes_on_later(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(run_portions, "_FIRST", 10)
    write(engine, *(snapshot(f"run-{n:02}", start_time=at(n)) for n in range(35)))
    write(engine, snapshot("rare", start_time=at(-1), host="elsewhere"))
    wanted = RunFilter(host="elsewhere")
    first = search_runs(engine, wanted, 5, seconds=0)
    assert (first.items, first.searched_to) == ([], NOON + 25 * HOUR)
    page, pages = first, 1
    while page.next is not None:
        page, pages = search_runs(engine, wanted, 5, page.next, seconds=0), pages + 1
    assert (_names(page), page.searched_to, pages) == (["rare"], None, 4)
    found, is_cut = newest_runs(engine, wanted, 5)
    assert ([run.sync_task_id for run in found], is_cut) == (["rare"], False)


@pytest.mark.parametrize(("limit", "are_more"), [(1, True), (3, True), (5, False), (6, False)])
def test_the_newest_runs_are_read_over_several_pages(
    engine: Engine, monkeypatch: pytest.MonkeyPatch, limit: int, are_more: bool
) -> None:
    monkeypatch.setattr(run_search, "_PAGE", 2)
    write(engine, *(snapshot(f"run-{n}", start_time=at(-n)) for n in range(5)))
    found, is_cut = newest_runs(engine, RunFilter(), limit)
    expected = [f"run-{n}" for n in range(min(limit, 5))]
    assert ([run.sync_task_id for run in found], is_cut) == (expected, are_more)


@pytest.mark.parametrize("wanted", [RunFilter(), RunFilter(host="sync-1")])
def test_a_cursor_that_no_page_gave_is_refused(engine: Engine, wanted: RunFilter) -> None:
    with pytest.raises(BadCursor):
        search_runs(engine, wanted, 5, "nonsense")


_HOSTS = st.sampled_from(["sync-1", "sync-2"])
_TYPES = st.sampled_from(["full", "grades", "users"])
_STATUSES = st.sampled_from([status.value for status in RunStatus])
_ERRORS = st.sampled_from(["HTTPError", "Timeout"])
_DURATIONS = st.sampled_from([0.0, 1.0, 12.5, 100.0])
HOURS = st.integers(0, 6)


@st.composite
def _changes(draw: st.DrawFn) -> dict[str, Any]:
    error = draw(st.none() | _ERRORS)
    return {
        "start_time": at(draw(HOURS)),
        "status": RunStatus(draw(_STATUSES)),
        "sync_type": draw(_TYPES),
        "user_id": draw(st.sampled_from([None, 1, 2])),
        "course_id": draw(st.sampled_from([None, 5])),
        "host": draw(_HOSTS),
        "duration": draw(st.none() | _DURATIONS),
        "error": error and ErrorInfo(error, "m"),
    }


_FILTERS = st.builds(
    RunFilter,
    statuses=st.lists(_STATUSES, max_size=2, unique=True).map(tuple),
    sync_types=st.lists(_TYPES, max_size=2, unique=True).map(tuple),
    user_id=st.none() | st.integers(1, 3),
    course_id=st.none() | st.just(5),
    host=st.none() | _HOSTS,
    error_type=st.none() | _ERRORS,
    min_duration=st.none() | _DURATIONS,
    max_duration=st.none() | _DURATIONS,
    since=st.none() | HOURS.map(lambda hours: NOON + hours * HOUR),
    until=st.none() | HOURS.map(lambda hours: NOON + hours * HOUR),
)


def _matches(run: RunRow, wanted: RunFilter) -> bool:
    pairs = (
        (wanted.user_id, run.user_id),
        (wanted.course_id, run.course_id),
        (wanted.host, run.host),
        (wanted.error_type, run.error_type),
    )
    return (
        all(value in (None, found) for value, found in pairs)
        and (not wanted.statuses or run.sync_status in wanted.statuses)
        and (not wanted.sync_types or run.sync_type in wanted.sync_types)
        and _is_between(run.duration, wanted.min_duration, wanted.max_duration)
        and (wanted.since is None or run.sync_start_time >= wanted.since)
        and (wanted.until is None or run.sync_start_time < wanted.until)
    )


def _is_between(value: float | None, low: float | None, high: float | None) -> bool:
    if low is None and high is None:
        return True
    return value is not None and (low is None or value >= low) and (high is None or value <= high)


@settings(
    max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(st.lists(_changes(), max_size=14), _FILTERS, st.integers(1, 5), st.integers(1, 4))
def test_pages_and_counts_are_those_of_the_matching_runs(
    engine: Engine, changes: list[dict[str, Any]], wanted: RunFilter, limit: int, portion: int
) -> None:
    with engine.begin() as connection:
        connection.execute(delete(metrics_table))
    write(engine, *(snapshot(f"run-{n}", **each) for n, each in enumerate(changes)))
    every = search_runs(engine, RunFilter(), 50).items
    expected = [run for run in every if _matches(run, wanted)]

    def pages(seconds: float) -> list[RunRow]:
        page = search_runs(engine, wanted, limit, seconds=seconds)
        found = page.items
        while page.next is not None:
            page = search_runs(engine, wanted, limit, page.next, seconds=seconds)
            assert len(page.items) <= limit
            found = found + page.items
        return found

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(run_portions, "_FIRST", portion)
        assert pages(0) == pages(60) == expected
        facets = run_facets(engine, wanted, seconds=60)
    assert (facets.runs, facets.counted_to) == (len(expected), None)
    _assert_counts(facets.host.values, every, _without(wanted, host=None), "host")
    _assert_counts(facets.status.values, every, _without(wanted, statuses=()), "sync_status")
    _assert_counts(facets.sync_type.values, every, _without(wanted, sync_types=()), "sync_type")
    _assert_counts(facets.error_type.values, every, _without(wanted, error_type=None), "error_type")


def _without(wanted: RunFilter, **changes: Any) -> RunFilter:
    return dataclasses.replace(wanted, **changes)


def _assert_counts(
    found: list[FacetValue], runs: list[RunRow], wanted: RunFilter, field: str
) -> None:
    values = Counter(getattr(run, field) for run in runs if _matches(run, wanted))
    del values[None]
    assert {each.value: each.runs for each in found} == values


_QUESTIONS: dict[str, Callable[[Engine], object]] = {
    "no filter": lambda engine: search_runs(engine, RunFilter(), 50),
    "host": lambda engine: search_runs(engine, RunFilter(host="sync-2"), 50),
    "host, next page": lambda engine: search_runs(
        engine, RunFilter(host="sync-2"), 50, search_runs(engine, RunFilter(), 50).next
    ),
    "statuses": lambda engine: search_runs(engine, RunFilter(statuses=("failed", "partial")), 50),
    "common status and type": lambda engine: search_runs(
        engine, RunFilter(statuses=("success",), sync_types=("full",)), 50
    ),
    "user and status": lambda engine: search_runs(
        engine, RunFilter(user_id=42, statuses=("success",)), 50
    ),
    "suspect and host": lambda engine: search_runs(
        engine, RunFilter(is_suspect=True, host="sync-2"), 50
    ),
    "error": lambda engine: search_runs(engine, RunFilter(error_type="TimeoutError"), 50),
    "course and host": lambda engine: search_runs(
        engine, RunFilter(course_id=3, host="sync-2"), 50
    ),
    "duration": lambda engine: search_runs(engine, RunFilter(min_duration=1000.0), 50),
    "facets": lambda engine: run_facets(engine, RunFilter()),
    "facets of a status": lambda engine: run_facets(engine, RunFilter(statuses=("failed",))),
    "facets of a period": lambda engine: run_facets(engine, RunFilter(since=NOON - 10 * HOUR)),
}


def test_no_search_reads_or_sorts_the_whole_table(empty_database_url: str) -> None:
    engine = open_engine(preferring_indexes(empty_database_url))
    create_tables(engine)
    runs = [snapshot(f"run-{n}", user_id=n % 100, start_time=at(-n / 10)) for n in range(3000)]
    write(engine, *runs, *(failed(f"failed-{n}", start_time=at(n)) for n in range(10)))
    for question in _QUESTIONS.values():
        assert_bounded(explained(engine, question))
    engine.dispose()


@pytest.mark.parametrize("change", ["one more", "one less"])
def test_no_run_is_left_out_or_listed_twice_if_others_write_while_it_searches(
    engine: Engine, monkeypatch: pytest.MonkeyPatch, change: str
) -> None:
    monkeypatch.setattr(run_portions, "_FIRST", 3)
    names = ["a", "b", "c", "d", "e", "f"]
    write(engine, *(snapshot(name, start_time=at(-n)) for n, name in enumerate(names)))
    match = run_search._matches
    changed: list[str] = []

    def change_and_match(*arguments: Any) -> Any:
        if not changed:
            changed.append(change)
            if change == "one more":
                write(engine, snapshot("new", start_time=at(1)))
            else:
                with engine.begin() as connection:
                    connection.execute(
                        delete(metrics_table).where(metrics_table.c.sync_task_id == "a")
                    )
        return match(*arguments)

    monkeypatch.setattr(run_search, "_matches", change_and_match)
    page = search_runs(engine, RunFilter(min_duration=0.1), 10, seconds=60)
    assert changed
    assert _names(page) == names
