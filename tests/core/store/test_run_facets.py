"""Runs are counted by status, sync type, machine and error."""

from __future__ import annotations

import pytest
from sqlalchemy import Engine

from canvas_sync_core.store import run_portions
from canvas_sync_core.store.run_facets import FacetValue, run_facets
from canvas_sync_core.store.run_filter import RunFilter
from support.runs import HOUR, NOON, at, failed, running, snapshot, write


@pytest.fixture
def engine(emptied_engine: Engine) -> Engine:
    return emptied_engine


def test_counting_stops_when_its_time_is_up_and_says_how_far_it_got(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(run_portions, "_FIRST", 10)
    write(engine, *(snapshot(f"run-{n:02}", start_time=at(n)) for n in range(35)))
    facets = run_facets(engine, RunFilter(min_duration=1.0), seconds=0)
    assert (facets.runs, facets.counted_to) == (10, NOON + 25 * HOUR)
    assert facets.host.values == [FacetValue("sync-1", 10)]


def test_what_the_rollups_know_is_counted_exactly_however_short_the_time(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(run_portions, "_FIRST", 10)
    write(engine, *(snapshot(f"run-{n:02}", start_time=at(n)) for n in range(35)))
    facets = run_facets(engine, RunFilter(), seconds=0)
    assert (facets.runs, facets.counted_to) == (35, None)
    assert facets.status.values == [FacetValue("success", 35)]
    assert (facets.host.values, facets.host.counted_to) == (
        [FacetValue("sync-1", 10)],
        NOON + 25 * HOUR,
    )


def test_a_facet_ignores_its_own_filter_and_meets_the_others(engine: Engine) -> None:
    write(
        engine,
        snapshot("a", start_time=at(0), host="sync-2"),
        failed("b", start_time=at(1), host="sync-2"),
        failed("c", start_time=at(2), sync_type="grades"),
        running("d", start_time=at(3)),
    )
    counted = run_facets(engine, RunFilter(statuses=("failed",), host="sync-2"), seconds=60)
    assert counted.runs == 1
    assert counted.status.values == [FacetValue("failed", 1), FacetValue("success", 1)]
    assert counted.host.values == [FacetValue("sync-1", 1), FacetValue("sync-2", 1)]
    assert counted.sync_type.values == [FacetValue("full", 1)]
    assert counted.error_type.values == [FacetValue("TimeoutError", 1)]


def test_the_most_frequent_values_come_first_and_at_most_50(engine: Engine) -> None:
    write(engine, *(snapshot(f"{n}", start_time=at(-n), sync_type=f"t{n:02}") for n in range(52)))
    write(engine, *(snapshot(f"more-{n}", start_time=at(-n), sync_type="t51") for n in range(2)))
    found = run_facets(engine, RunFilter()).sync_type.values
    assert (found[0], found[1], len(found)) == (FacetValue("t51", 3), FacetValue("t00", 1), 50)
