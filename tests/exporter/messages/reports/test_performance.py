from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import Engine

from canvas_sync_core.names import MessageKind
from canvas_sync_core.store.rollups.writing import roll_up
from canvas_sync_exporter.messages.content import Status
from canvas_sync_instrumentation import CanvasSyncMetricsTracker
from canvas_sync_instrumentation.monitor import shutdown
from support.reports import make, rows, section, settings, utc
from support.runs import failed, snapshot, write

PERFORMANCE = MessageKind.PERFORMANCE


def at(text: str) -> float:
    return utc(text).timestamp()


@pytest.mark.parametrize("is_rolled_up", [False, True])
def test_durations_latency_and_database_are_compared_with_the_week_before(
    is_rolled_up: bool, engine: Engine, tmp_path: Path
) -> None:
    write(
        engine,
        snapshot("old", start_time=at("2026-11-10T02:00"), duration=10.0, api_seconds=1.0),
        snapshot("new", start_time=at("2026-11-17T02:00"), duration=40.0, api_seconds=2.0),
        snapshot("slow", sync_type="slow", start_time=at("2026-11-18T02:00"), duration=600.0),
        failed("failed", start_time=at("2026-11-17T03:00"), duration=9000.0),
        snapshot("first of all", start_time=at("2026-10-01")),
    )
    while is_rolled_up and roll_up(engine, 60):
        pass

    content = make(PERFORMANCE, "2026-11-18", engine, settings(tmp_path))

    assert rows(content, "Duration of runs") == (
        ("slow", "10 min 00 s", "10 min 00 s", "10 min 00 s"),
        ("full", "40.0 s (+300%)", "40.0 s (+300%)", "40.0 s"),
    )
    calls = {row[0]: row[1:] for row in rows(content, "Canvas API")}
    assert calls["full"][:3] == ("20", "2", "2")
    assert calls["full"][4] == "250.0 ms (+150%)"
    databases = {row[0]: row[1:3] for row in rows(content, "Database")}
    assert databases == {"full": ("8", "0"), "slow": ("4", "0")}
    assert content.status is Status.WARNING


def test_routes_are_read_from_the_metric_files(engine: Engine, tmp_path: Path) -> None:
    with CanvasSyncMetricsTracker("run", 42) as tracker:
        for seconds in (0.1, 0.3):
            tracker.record_api_call("GET", "/api/v1/courses", 200, seconds)
        tracker.record_api_call("GET", "/api/v1/users/self", 200, 1.0)
    shutdown()
    write(engine, snapshot("new", start_time=at("2026-11-17T02:00")))

    content = make(PERFORMANCE, "2026-11-18", engine, settings(tmp_path / "logs"))

    found = {row[0]: row[1:3] for row in rows(content, "Routes of the Canvas API")}
    assert list(found.values()) == [("1", "1.0 s"), ("2", "200.0 ms")]
    assert "/api/v1/courses" in found


def test_a_damaged_metric_file_is_named_and_the_rest_of_the_report_is_made(
    engine: Engine, tmp_path: Path
) -> None:
    config = settings(tmp_path / "logs")
    config.app.metrics_folder.mkdir(parents=True)
    for name in ("folded.state", "folded.state.copy"):
        (config.app.metrics_folder / name).write_bytes(b"garbage")
    write(engine, snapshot("new", start_time=at("2026-11-17T02:00")))

    content = make(PERFORMANCE, "2026-11-18", engine, config)

    assert rows(content, "Duration of runs")
    (problem,) = section(content, "Routes of the Canvas API").paragraphs
    assert problem.startswith("The metric files cannot be read: ")
    assert "Restore one of them" in problem


def test_a_week_in_which_no_run_succeeded_has_no_duration(engine: Engine, tmp_path: Path) -> None:
    write(engine, failed("failed", start_time=at("2026-11-17T03:00")))

    content = make(PERFORMANCE, "2026-11-18", engine, settings(tmp_path))

    assert content.title.endswith(": no run succeeded")
    assert [each.title for each in content.sections] == ["Canvas API", "Database"]


def test_only_the_slowest_of_many_sync_types_are_listed(engine: Engine, tmp_path: Path) -> None:
    start = at("2026-11-17T02:00")
    write(
        engine,
        *(
            snapshot(f"{n}", sync_type=f"type-{n}", start_time=start, duration=float(n + 1))
            for n in range(40)
        ),
    )

    content = make(PERFORMANCE, "2026-11-18", engine, settings(tmp_path))

    table = section(content, "Duration of runs").table
    assert table is not None
    assert (len(table.rows), table.omitted) == (30, 10)
    assert table.rows[0][:2] == ("type-39", "40.0 s")


def test_a_week_without_runs_is_one_line(engine: Engine, tmp_path: Path) -> None:
    content = make(PERFORMANCE, "2026-11-18", engine, settings(tmp_path))

    assert content.summary == "No run ended in this period."
    assert content.sections == ()
