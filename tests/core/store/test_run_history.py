"""A run among the other runs of its kind."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import Engine

from canvas_sync_core.events import ItemCounts, RunSnapshot
from canvas_sync_core.names import TABLE
from canvas_sync_core.store import queries
from canvas_sync_core.store.run_history import RunHistory, run_history
from canvas_sync_core.store.runs import RunRow
from support.multiplied import multiply
from support.plans import assert_bounded, explained
from support.runs import failed, snapshot, write

_NOON = datetime(2025, 12, 22, 12, tzinfo=UTC)
_RARE = ((0, "a"), (1.5, "b"), (3, "c"))
"""Start in hours after noon, and task id."""


@pytest.fixture
def engine(emptied_engine: Engine) -> Engine:
    return emptied_engine


def _at(hours: float) -> float:
    return (_NOON + timedelta(hours=hours)).timestamp()


def _run(engine: Engine, task_id: str) -> RunRow:
    run = queries.run_by_task(engine, task_id)
    assert run is not None
    return run


def _history(engine: Engine, task_id: str) -> RunHistory:
    return run_history(engine, _run(engine, task_id))


def _ids(history: RunHistory) -> list[str | None]:
    runs = (history.last_success, history.previous, history.next)
    return [None if run is None else run.sync_task_id for run in runs]


def test_a_bad_run_has_the_last_good_one_and_its_neighbours(engine: Engine) -> None:
    write(
        engine,
        snapshot("good", start_time=_at(0)),
        failed("bad", start_time=_at(1)),
        failed("worse", start_time=_at(2)),
        snapshot("grades", start_time=_at(2.5), sync_type="grades"),
        snapshot("of a course", start_time=_at(2.5), course_id=3),
        snapshot("of another user", start_time=_at(2.5), user_id=3),
        snapshot("better", start_time=_at(3)),
    )
    assert _ids(_history(engine, "worse")) == ["good", "bad", "better"]
    assert _ids(_history(engine, "good")) == [None, None, "bad"]
    assert _ids(_history(engine, "better")) == ["good", "worse", None]
    assert _ids(_history(engine, "grades")) == [None, None, None]


@pytest.mark.parametrize("user_id", [42, None])
def test_runs_that_start_at_the_same_time_follow_each_other_by_number(
    engine: Engine, user_id: int | None
) -> None:
    write(engine, *(snapshot(name, start_time=_at(0), user_id=user_id) for name in "abc"))
    assert _ids(_history(engine, "b")) == ["a", "a", "c"]


def test_what_is_usual_are_the_medians_of_the_last_20_successful_runs(engine: Engine) -> None:
    def sized(n: int, start: float) -> RunSnapshot:
        counts = {"course": ItemCounts(processed=n), "grade": ItemCounts(processed=10 * n)}
        changes = {"duration": float(n), "api_calls": n, "api_bytes": n if n % 2 else None}
        return snapshot(f"r{n}", start_time=start, items=_some_items(counts), **changes)

    write(engine, *(snapshot(f"old{n}", start_time=_at(-99), duration=9e9) for n in range(9)))
    write(engine, *(sized(n, _at(n)) for n in range(1, 21)))
    write(engine, failed("last", start_time=_at(21)))
    usual = _history(engine, "last").usual
    assert (usual.runs, usual.duration, usual.api_calls) == (20, 10.5, 10.5)
    assert (usual.api_bytes, usual.api_items) == (10.0, None)
    assert (usual.items["courses"], usual.items["grades"]) == (10.5, 105.0)


def _some_items(counts: dict[str, ItemCounts]) -> dict[str, ItemCounts]:
    return dict(snapshot("any").items) | counts


def test_a_first_run_has_nothing_to_compare_with(engine: Engine) -> None:
    write(engine, snapshot("first"))
    usual = _history(engine, "first").usual
    assert (usual.runs, usual.duration, usual.items["courses"]) == (0, None, None)


@pytest.mark.parametrize("user_id", [7, None])
def test_no_statement_reads_the_whole_table(engine: Engine, user_id: int | None) -> None:
    kinds = (("full", "grades", *"abcdefgh")[n % 10] for n in range(3000))
    runs = (
        snapshot(f"r{n}", start_time=_at(-n), sync_type=kind, user_id=n % 9)
        for n, kind in enumerate(kinds)
    )
    write(engine, *runs)
    write(engine, snapshot("last", start_time=_at(1), user_id=user_id))
    run = _run(engine, "last")
    assert_bounded(explained(engine, lambda engine: run_history(engine, run)))


@pytest.mark.parametrize(("user_id", "indexed"), [(7, "user"), (None, "type")])
def test_later_runs_of_other_kinds_are_not_read(
    engine: Engine, user_id: int | None, indexed: str
) -> None:
    old = {"sync_type": "no longer run", "user_id": user_id, "start_time": _at(0)}
    write(engine, *(snapshot(f"old {n},", **old) for n in range(19)))
    write(engine, snapshot("new", start_time=_at(9)))
    if engine.name == "postgresql":
        multiply(engine, 1000)
    run = _run(engine, "old 7,")
    plans = explained(engine, lambda engine: run_history(engine, run))
    for plan, bound in (plans[0], "<"), (plans[-2], ">"):
        key = f"ROW({'user_id' if user_id else '(sync_type)::text'}, sync_start_time) {bound}= "
        if engine.name == "sqlite":
            key = f"({'user_id' if user_id else 'sync_type'},sync_start_time){bound}(?,?)"
        assert f"ix_{TABLE}_{indexed}_start" in plan
        assert key in plan


def test_the_neighbours_of_a_rare_kind_are_looked_for_among_more_runs(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("canvas_sync_core.store.run_history._FEW_ROWS", 2)
    write(engine, *(snapshot(name, start_time=_at(n), sync_type="rare") for n, name in _RARE))
    write(engine, *(snapshot(f"other {n}", start_time=_at(n / 8)) for n in range(24)))
    assert _ids(_history(engine, "b")) == ["a", "a", "c"]
    assert _history(engine, "c").usual.runs == 2
