"""Task ids that are used more than once: no run loses its row to another."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine

from canvas_sync_core.events import ErrorInfo, RunSnapshot
from canvas_sync_core.names import RunStatus
from canvas_sync_core.store.database import open_engine
from canvas_sync_core.store.model import metrics_table
from canvas_sync_core.store.queries import recent_runs, run_by_task
from canvas_sync_core.store.rows import write_runs
from canvas_sync_core.store.runs import RunRow
from canvas_sync_core.store.spool.delivery import drain_orphans
from canvas_sync_core.store.spool.lines import encode
from canvas_sync_core.store.spool.own_file import Spool
from canvas_sync_instrumentation.monitor import configure, shutdown
from canvas_sync_instrumentation.tracker import CanvasSyncMetricsTracker
from support.forked_programs import fork_server
from support.runs import failed, running, snapshot

_START = 1_766_398_530.25
_TRACES = [f"{number:032x}" for number in range(1, 100)]


@pytest.fixture
def engine(emptied_engine: Engine) -> Engine:
    return emptied_engine


def ended(use: int, **changes: Any) -> RunSnapshot:
    start = _START + 100 * use
    return snapshot("nightly", start_time=start, trace_id=_TRACES[use], **changes)


def begun(use: int, **changes: Any) -> RunSnapshot:
    start = _START + 100 * use
    return running("nightly", start_time=start, trace_id=_TRACES[use], **changes)


def waiting(use: int, **changes: Any) -> RunSnapshot:
    return begun(use, error=ErrorInfo("Retry", "Canvas is away"), **changes)


def rows(engine: Engine) -> dict[str, RunRow]:
    return {run.sync_task_id: run for run in recent_runs(engine, 500).items}


def test_a_run_with_an_id_that_was_used_gets_a_row_of_its_own(
    engine: Engine, caplog: pytest.LogCaptureFixture
) -> None:
    for use in range(3):
        write_runs(engine, [begun(use)])
        write_runs(engine, [begun(use, heartbeat=_START + 100 * use + 5)])
        write_runs(engine, [ended(use, api_calls=use)])
    found = rows(engine)
    assert {name: run.api_calls for name, run in found.items()} == {
        "nightly": 0,
        "nightly~2": 1,
        "nightly~3": 2,
    }
    assert {run.sync_status for run in found.values()} == {RunStatus.SUCCESS}
    assert [run.trace_id for _, run in sorted(found.items())] == _TRACES[:3]
    assert [record.message.count("was used before") for record in caplog.records] == [1, 1]
    assert "'nightly~2'" in caplog.messages[0]


@pytest.mark.parametrize("end", [ended, failed, begun])
def test_two_runs_at_once_have_two_rows(engine: Engine, end: Any) -> None:
    first = end(0) if end is not failed else failed("nightly", start_time=_START)
    write_runs(engine, [first, begun(1)])
    write_runs(engine, [ended(1)])
    found = rows(engine)
    assert sorted(found) == ["nightly", "nightly~2"]
    assert found["nightly"].sync_status == first.status
    assert found["nightly~2"].sync_status == RunStatus.SUCCESS


def test_only_a_run_that_waits_for_its_next_attempt_is_continued(engine: Engine) -> None:
    write_runs(engine, [begun(0)])
    number = rows(engine)["nightly"].id
    write_runs(engine, [waiting(0)])
    write_runs(engine, [begun(1)])
    write_runs(engine, [waiting(0)])  # a replay
    assert {name: run.id for name, run in rows(engine).items()} == {"nightly": number}
    write_runs(engine, [ended(1)])
    write_runs(engine, [begun(0), waiting(0)])
    (run,) = rows(engine).values()
    assert (run.sync_status, run.trace_id) == (RunStatus.SUCCESS, _TRACES[1])


def test_a_second_use_is_continued_too(engine: Engine) -> None:
    for written in (ended(0), waiting(1), begun(2), ended(2), ended(3)):
        write_runs(engine, [written])
    found = rows(engine)
    assert {name: run.trace_id for name, run in found.items()} == {
        "nightly": _TRACES[0],
        "nightly~2": _TRACES[2],
        "nightly~3": _TRACES[3],
    }


@pytest.mark.parametrize("before", [RunStatus.RUNNING, RunStatus.INTERRUPTED])
def test_a_task_that_is_delivered_again_continues_what_its_dead_worker_left(
    engine: Engine, before: RunStatus
) -> None:
    left = begun(0, redeliverable=True)
    write_runs(engine, [left])
    if before is RunStatus.INTERRUPTED:
        interrupted = ended(0, status=before, redeliverable=True)
        write_runs(engine, [interrupted])
    write_runs(engine, [begun(1, redeliverable=True)])
    write_runs(engine, [left])  # a replay from the spool of the dead worker
    write_runs(engine, [ended(1, redeliverable=True)])
    assert {name: run.trace_id for name, run in rows(engine).items()} == {"nightly": _TRACES[1]}


def test_many_tasks_are_written_at_once(engine: Engine) -> None:
    tasks = [running(f"task-{number}", redeliverable=True) for number in range(3)]
    assert write_runs(engine, [*tasks, begun(0), running("other")]) == []
    assert len(rows(engine)) == 5


def test_a_task_that_is_delivered_again_after_its_end_is_a_new_run(engine: Engine) -> None:
    write_runs(engine, [ended(0, redeliverable=True), ended(1, redeliverable=True)])
    assert sorted(rows(engine)) == ["nightly", "nightly~2"]


def test_an_id_that_looks_like_a_second_use_still_belongs_to_its_own_run(engine: Engine) -> None:
    write_runs(engine, [snapshot("nightly~2", trace_id=_TRACES[9])])
    write_runs(engine, [ended(0), ended(1)])
    found = rows(engine)
    assert sorted(found) == ["nightly", "nightly~2", "nightly~3"]
    assert found["nightly~2"].trace_id == _TRACES[9]


@pytest.mark.parametrize("name", ["a%b_c", "a\0b", "~", "x" * 255, "a~2~3"])
def test_any_id_can_be_used_again(engine: Engine, name: str) -> None:
    for trace_id in _TRACES[:3]:
        write_runs(engine, [snapshot(name, trace_id=trace_id)])
    stored = name.replace("\0", "\ufffd")
    assert sorted(rows(engine)) == [stored, f"{stored}~2", f"{stored}~3"]


def test_an_id_that_is_always_the_same_is_found_soon(engine: Engine) -> None:
    write_runs(engine, [ended(use) for use in range(50)])
    write_runs(engine, [ended(50)])
    assert run_by_task(engine, "nightly~51") is not None
    assert len(rows(engine)) == 51


def test_rows_from_the_spool_of_a_dead_process_take_no_row_of_another_run(
    engine: Engine, tmp_path: Path
) -> None:
    write_runs(engine, [ended(1)])
    spool = Spool(tmp_path / "spool")
    for each in (begun(0), ended(0), waiting(2), ended(3)):
        spool.append(encode(each))
    spool.abandon()  # without its lock, as after a kill
    assert drain_orphans(tmp_path / "spool", engine).rejected == 0
    assert {run.trace_id for run in rows(engine).values()} == {
        _TRACES[0],
        _TRACES[1],
        _TRACES[3],
    }


_ARRIVALS = st.lists(st.tuples(st.integers(0, 4), st.booleans()), min_size=1, max_size=12)


@settings(max_examples=25)
@given(arrivals=_ARRIVALS, data=st.data())
def test_each_run_has_one_row_in_whatever_order_its_snapshots_arrive(
    memory_engine: Engine, arrivals: list[tuple[int, bool]], data: st.DataObject
) -> None:
    with memory_engine.begin() as connection:
        connection.execute(metrics_table.delete())
    snapshots = [ended(use) if is_end else begun(use) for use, is_end in arrivals]
    while snapshots:
        size = data.draw(st.integers(1, len(snapshots)))
        write_runs(memory_engine, snapshots[:size])
        snapshots = snapshots[size:]
    found = rows(memory_engine)
    statuses = {
        _TRACES[use]: RunStatus.SUCCESS if (use, True) in arrivals else RunStatus.RUNNING
        for use, _ in arrivals
    }
    assert {run.trace_id: run.sync_status for run in found.values()} == statuses
    assert len(found) == len(statuses)


def _use_at_once(url: str, log_dir: Path, barrier: Any, runs: int) -> None:
    configure(log_dir=log_dir, database_url=url, strict=True)
    barrier.wait(60)
    for _ in range(runs):
        with CanvasSyncMetricsTracker("nightly", 42) as run:
            run.record_course()
    shutdown(60)


def test_processes_that_use_one_id_at_once_have_a_row_for_each_run(
    engine: Engine, tmp_path: Path
) -> None:
    url = engine.url.render_as_string(hide_password=False)
    server = fork_server()
    processes, runs = 3, 4
    barrier = server.Barrier(processes)
    workers = [
        server.Process(target=_use_at_once, args=(url, tmp_path / str(n), barrier, runs))
        for n in range(processes)
    ]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(100)
    assert [worker.exitcode for worker in workers] == [0] * processes
    for number in range(processes):
        drain_orphans(tmp_path / str(number) / "state" / "spool", open_engine(url))
    found = rows(engine)
    assert len({run.trace_id for run in found.values()}) == processes * runs
    assert set(found) == {"nightly", *(f"nightly~{n}" for n in range(2, processes * runs + 1))}
    assert {run.sync_status for run in found.values()} == {RunStatus.SUCCESS}
