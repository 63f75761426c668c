"""Hundreds of API calls in a real pool whose children are killed: every count agrees."""

from __future__ import annotations

import os
import random
import signal
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
import requests
from sqlalchemy import select

from canvas_sync_core.store.model import metrics_table
from canvas_sync_demo.canvas_server import Behaviour, CanvasServer, SchoolSize, ThrottleLimits
from canvas_sync_demo.processes import Stage, serving
from canvas_sync_exporter.jobs.spooled_rows import deliver_spooled_rows
from support.celery_workers import Worker, redis, worker
from support.evidence import Scrape
from support.log_lines import records_in
from support.ports import unused_port
from support.prometheus import eventually

CHILDREN = 4
TASKS = 12
CALLS = 40
KILLS = 5
USER = 41

_NO_LIMITS = ThrottleLimits(maximum=1e9, high_water=1e9)


@dataclass(frozen=True, slots=True)
class Storm:
    """What it left behind.

    Attributes:
        answered: Requests that Canvas counted.
        kills: Children that were killed while they had a task.
        calls: The lines of ``api_calls.log``.
        operations: Those of ``operations.log``.
        metrics: What the exporter serves.
        rows: The runs in the table.
    """

    answered: int
    kills: int
    calls: list[dict[str, Any]]
    operations: list[dict[str, Any]]
    metrics: Scrape
    rows: list[dict[str, Any]]


@pytest.fixture(scope="module")
def storm(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Storm]:
    folder = tmp_path_factory.mktemp("storm")
    size = SchoolSize(1, 1, 1, 1, 1)
    with (
        redis() as broker,
        CanvasServer(7, size=size, behaviour=Behaviour(limits=_NO_LIMITS)) as canvas,
        worker(
            folder,
            broker,
            canvas.url,
            *("--pool", "prefork", "--concurrency", str(CHILDREN)),
            app="support.celery_storm",
            environ={"CANVAS_TOKEN": canvas.tokens[USER]},
        ) as running,
    ):
        for _ in range(TASKS):
            running.send("sync", user_id=USER, calls=CALLS)
        kills = kill_now_and_then(running, canvas)
        eventually(lambda: are_all_done(running), "the end of all tasks")
        assert running.stop() == 0
        stage = Stage(folder, unused_port())
        with serving(stage):
            text = requests.get(f"{stage.url}/metrics", timeout=60).text
        with running.table.connect() as connection:
            rows = [dict(row) for row in connection.execute(select(metrics_table)).mappings()]
        yield Storm(
            sum(canvas.requests.values()),
            kills,
            records_in(running.folder / "api_calls.log"),
            records_in(running.folder / "operations.log"),
            Scrape.of(text, is_openmetrics=False),
            rows,
        )


def kill_now_and_then(running: Worker, canvas: CanvasServer) -> int:
    """Kill a child by chance whenever Canvas has answered a further part of the requests."""
    chance = random.Random(7)
    for number in range(1, KILLS + 1):
        due = number * TASKS * CALLS // (KILLS + 1)
        eventually(lambda due=due: sum(canvas.requests.values()) >= due, f"{due} requests")  # type: ignore[misc]
        os.kill(chance.choice(running.children()), signal.SIGKILL)
    return KILLS


def are_all_done(running: Worker) -> bool:
    """Deliver what killed children left in the spool, as the exporter does, and look."""
    deliver_spooled_rows(running.table, running.folder / "state" / "spool")
    with running.table.connect() as connection:
        runs = connection.execute(
            select(metrics_table.c.sync_task_id, metrics_table.c.sync_status)
        ).all()
    tasks = {given_task(name) for name, _ in runs}
    return len(tasks) == TASKS and {status for _, status in runs} == {"success"}


def given_task(name: str) -> str:
    """Return the task's id without the number that a second run of the task has behind it."""
    return name.partition("~")[0]


def test_each_task_is_a_successful_run_and_a_further_one_when_it_is_given_again(
    storm: Storm,
) -> None:
    """The broker gives a task again whose child died between its end and the acknowledgement."""
    assert {row["sync_status"] for row in storm.rows} == {"success"}
    assert {row["api_calls"] for row in storm.rows} == {CALLS}
    names = {row["sync_task_id"] for row in storm.rows}
    assert len(names & {given_task(name) for name in names}) == TASKS
    assert len(storm.rows) <= TASKS + storm.kills


def test_what_is_missing_was_in_flight_in_a_killed_child(storm: Storm) -> None:
    """A child is killed between Canvas's answer and the line, or between line and number."""
    counted = storm.metrics.total("canvas_sync_api_requests_total")
    assert TASKS * CALLS <= counted <= len(storm.calls) <= storm.answered
    assert storm.answered - counted <= storm.kills


def test_the_attempts_that_were_lost_are_those_of_killed_children(storm: Storm) -> None:
    starts = [line for line in storm.operations if line["event"] == "run_started"]
    ends = [line for line in storm.operations if line["event"] == "run_ended"]
    assert 0 < len(starts) - len(ends) <= storm.kills
    ended = {line["trace_id"] for line in ends}
    lost = [call for call in storm.calls if call["trace_id"] not in ended]
    assert len(storm.calls) - len(lost) == CALLS * len(ends)


def test_rows_and_lost_attempts_together_have_what_canvas_answered(storm: Storm) -> None:
    """A task that is given again begins its row anew: the calls before are in the log alone."""
    logged = Counter((call["task_id"], call["trace_id"]) for call in storm.calls)
    rows = {
        (given_task(row["sync_task_id"]), row["trace_id"]): row["api_calls"] for row in storm.rows
    }
    assert {one: logged[one] for one in rows} == rows
    lost = {one: calls for one, calls in logged.items() if one not in rows}
    assert {task for task, _ in lost} <= {task for task, _ in rows}
    assert 0 < len(lost) <= storm.kills
    in_flight = storm.answered - sum(rows.values()) - sum(lost.values())
    assert 0 <= in_flight <= storm.kills


def test_runs_are_counted_once_except_one_killed_before_its_acknowledgement(storm: Storm) -> None:
    ended = storm.metrics.total("canvas_sync_runs_total", status="success")
    assert TASKS <= ended <= TASKS + storm.kills
    assert storm.metrics.total("canvas_sync_runs_total") == ended


def test_nothing_was_dropped(storm: Storm) -> None:
    assert storm.metrics.total("canvas_sync_telemetry_dropped_total") == 0
