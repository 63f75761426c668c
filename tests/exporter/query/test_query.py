"""The public query functions give the answers of the REST API."""

from __future__ import annotations

import datetime as dt
import os
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import Engine

from canvas_sync_core.store.database import open_engine
from canvas_sync_exporter import query
from canvas_sync_instrumentation import CanvasSyncMetricsTracker, shutdown
from support.runs import failed, running, snapshot, write
from support.tables import create_tables

NOON = dt.datetime(2026, 3, 2, 12, tzinfo=dt.UTC)
BERLIN = ZoneInfo("Europe/Berlin")


def _at(hours: float) -> float:
    return (NOON + dt.timedelta(hours=hours)).timestamp()


@pytest.fixture
def few(engine: Engine) -> Engine:
    """Runs of three days and two users, and one in progress."""
    for day in range(3):
        write(engine, snapshot(f"good-{day}", user_id=7, start_time=_at(24 * day)))
        write(engine, failed(f"bad-{day}", user_id=8, start_time=_at(24 * day + 1)))
    write(engine, running("now"))
    return engine


def test_metrics_are_summed_up_by_user_date_and_range(few: Engine) -> None:
    day = NOON.date()
    whole = query.get_sync_metrics(since=day, until=day + dt.timedelta(days=2), engine=few)
    assert (whole.runs.total, whole.runs.success_rate) == (4, 0.5)
    user = query.get_sync_metrics(user_id=7, since="2026-03-02", until="2026-03-03", engine=few)
    assert (user.runs.total, user.runs.success_rate) == (1, 1.0)
    assert user.last_run is not None
    recent = query.get_sync_metrics(engine=few)
    assert recent.runs.by_status["running"] == 1


@pytest.mark.parametrize(
    ("since", "until", "tz", "names"),
    [
        (NOON, NOON + dt.timedelta(hours=2), "UTC", ["bad-0", "good-0"]),
        (dt.datetime(2026, 3, 2, 14), dt.datetime(2026, 3, 2, 15), BERLIN, ["bad-0"]),
        (dt.date(2026, 3, 4), dt.date(2026, 3, 5), "Europe/Berlin", ["bad-2", "good-2"]),
        ("2026-03-02T13:00:00+01:00", "2026-03-02T14:00:00+01:00", "UTC", ["good-0"]),
        (dt.timedelta(hours=1), None, "UTC", ["now"]),
        ("1h", None, "UTC", ["now"]),
    ],
)
def test_a_period_may_be_given_in_many_ways(
    few: Engine, since: Any, until: Any, tz: Any, names: list[str]
) -> None:
    page = query.get_runs(since=since, until=until, tz=tz, engine=few)
    assert [run.sync_task_id for run in page.items] == names


@pytest.mark.parametrize(
    "arguments",
    [
        {"since": "yesterday"},
        {"since": NOON, "until": NOON},
        {"tz": "Mars/Olympus", "since": NOON},
    ],
)
def test_a_wrong_argument_is_a_value_error(few: Engine, arguments: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="use a"):
        query.get_runs(**arguments, engine=few)
    with pytest.raises(ValueError, match="use a"):
        query.get_performance(**arguments, engine=few)


def test_a_single_text_is_not_a_list_of_statuses(few: Engine) -> None:
    with pytest.raises(ValueError, match=r"statuses: use a list of texts, such as \['failed'\]"):
        query.get_runs(statuses="failed", engine=few)
    with pytest.raises(ValueError, match="step: use one of 15m"):
        query.get_series(step="5m", engine=few)
    with pytest.raises(ValueError, match="'user' is not a valid SeriesBy"):
        query.get_series(by="user", engine=few)


def test_runs_are_filtered_counted_and_iterated_over(few: Engine) -> None:
    bad = list(query.iter_runs(statuses=["failed"], engine=few))
    assert [run.sync_task_id for run in bad] == ["bad-2", "bad-1", "bad-0"]
    first = query.get_runs(statuses=["failed"], limit=2, engine=few)
    second = query.get_runs(statuses=["failed"], limit=2, cursor=first.next, engine=few)
    assert [*first.items, *second.items] == bad
    assert query.get_run_facets(user_id=8, engine=few).runs == 3
    run = query.get_run("bad-1", engine=few)
    assert run is not None
    assert query.get_run(run.id, engine=few) == run
    assert query.get_run("nobody", engine=few) is None
    history = query.get_run_history(run, engine=few)
    assert history.previous is not None
    assert history.previous.sync_task_id == "bad-0"
    assert query.get_running(engine=few).total == 1


def test_statistics_are_those_of_the_period(few: Engine) -> None:
    period: dict[str, Any] = {"since": "2026-03-02", "until": "2026-03-05"}
    assert len(query.get_performance(**period, engine=few).trend) == 3
    assert query.get_freshness(**period, engine=few).items[0].item == "course"
    series = query.get_series(**period, step="1d", by="status", engine=few)
    found = {each.name: [point.runs for point in each.points] for each in series.series}
    assert found == {"failed": [1, 1, 1], "success": [1, 1, 1]}
    assert query.get_top_errors(**period, engine=few).items[0].runs == 3
    errors = query.get_error_series(**period, step="1d", engine=few)
    assert [point.runs for point in errors.series[0].points] == [1, 1, 1]


def test_without_an_engine_the_settings_decide(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CANVAS_SYNC_LOG_DIR", str(tmp_path / "logs"))
    with CanvasSyncMetricsTracker("documented", 42) as tracker, tracker.step("courses"):
        tracker.record_api_call("GET", "https://canvas.example.edu/api/v1/courses", 200, 0.5)
    shutdown()
    assert query.get_sync_metrics(user_id=42).runs.total == 1
    run = query.get_run("documented")
    assert run is not None
    (call,) = query.get_run_calls(run).items
    assert (call.kind, call.duration_seconds) == ("api", 0.5)
    assert query.get_run_calls(run, kinds=["guard"]).items == []
    assert [step.step for step in query.get_run_steps(run).items] == ["courses"]
    lines = query.get_run_lines(run, logs=["operations"], order="newest").items
    assert lines[0].fields["event"] == "run_ended"


def test_a_forked_child_has_its_own_connections(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = f"sqlite:///{tmp_path / 'runs.sqlite3'}"
    monkeypatch.setenv("CANVAS_SYNC_DATABASE_URL", url)
    engine = open_engine(url)
    create_tables(engine)
    write(engine, snapshot("a"))
    engine.dispose()
    assert query.get_sync_metrics().runs.total == 1
    child = os.fork()
    if child == 0:
        os._exit(0 if query.get_sync_metrics().runs.total == 1 else 1)
    assert os.waitpid(child, 0)[1] == 0
