"""The row sink: every run reaches the table, whatever happens to the database."""

from __future__ import annotations

import os
import shutil
import threading
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from canvas_sync_core.events import ErrorInfo, ErrorRecorded, Heartbeat
from canvas_sync_core.names import RunStatus
from canvas_sync_core.store.database import open_engine
from canvas_sync_core.store.queries import run_by_task
from canvas_sync_core.store.row_database import RowDatabase, row_database_opener
from canvas_sync_core.store.spool.delivery import waiting_bytes
from canvas_sync_core.store.spool.lines import encode
from canvas_sync_instrumentation.outputs.rows import RowSink
from support.runs import running
from support.small_disk import SmallDisk
from support.store_sinks import (
    CONTEXT,
    NOWHERE,
    START,
    RowDrops,
    Sinks,
    reports_in,
    run_ended,
    run_started,
    statuses_of,
    sync_all,
)
from support.waiting import wait_until


def _beat(task_id: str, seconds: float, **changes: Any) -> Heartbeat:
    beat = running(task_id, start_time=START, heartbeat=START + seconds, **changes)
    return Heartbeat(CONTEXT, beat.heartbeat, beat)


def test_a_run_is_seen_from_its_start_to_its_end(
    make_store: Sinks, empty_database_url: str, row_drops: RowDrops
) -> None:
    sink = make_store(empty_database_url)
    engine = open_engine(empty_database_url)
    seen = []
    for event in (run_started("a", progress=0.0), _beat("a", 10, progress=40.0), run_ended("a")):
        sink.handle(event)
        assert sink.flush(600)
        run = run_by_task(engine, "a")
        assert run is not None
        seen.append((run.id, run.sync_status, run.progress))
    engine.dispose()
    assert seen == [
        (1, RunStatus.RUNNING, 0.0),
        (1, RunStatus.RUNNING, 40.0),
        (1, RunStatus.SUCCESS, 100.0),
    ]
    assert not row_drops.counts


def test_only_runs_wake_it(make_store: Sinks, tmp_path: Path) -> None:
    sink = make_store(NOWHERE)
    sink.handle(ErrorRecorded(CONTEXT, START, "api", ErrorInfo("E", "m")))
    assert sink.flush(0)
    assert not (tmp_path / "spool").exists()


class _Signal(Exception):  # noqa: N818 - such as a timeout that a signal's handler raises
    pass


def test_an_event_makes_up_for_one_that_was_interrupted_before_it_woke_the_thread(
    make_store: Sinks, empty_database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def strike() -> bool:
        raise _Signal

    sink = make_store(empty_database_url)
    sink.handle(run_started("a"))
    assert sink.flush(600)
    wait_until(lambda: sink._idle, "the thread to sleep")
    with monkeypatch.context() as patch:
        patch.setattr(sink, "_ensure_thread", strike)
        with pytest.raises(_Signal):
            sink.handle(run_started("b"))
    sink.handle(run_ended("a"))
    with sink._changed.lock:  # a flush would wake the thread
        assert sink._changed.wait_for(lambda: not sink._has_work(), 600)
    engine = open_engine(empty_database_url)
    assert statuses_of(engine) == {"a": RunStatus.SUCCESS, "b": RunStatus.RUNNING}
    engine.dispose()


def test_a_thread_that_is_awake_is_not_woken_for_further_events(
    make_store: Sinks, monkeypatch: pytest.MonkeyPatch
) -> None:
    """To be woken costs the sync's thread the time that it lets the other one have."""
    woken: list[bool] = []
    sink = make_store(NOWHERE)
    with sink._changed.lock, monkeypatch.context() as patch:
        patch.setattr(sink._changed, "notify_all", lambda: woken.append(sink._idle))
        for is_idle in (False, True, False):
            patch.setattr(sink, "_idle", is_idle)
            sink.handle(run_started("a"))
        patch.setattr(sink, "_idle", False)
    assert woken == [True]


def test_the_syncs_thread_never_meets_the_database(tmp_path: Path, row_drops: RowDrops) -> None:
    opened_in: list[threading.Thread] = []

    def open_database() -> RowDatabase:
        opened_in.append(threading.current_thread())
        return opener()

    opener = row_database_opener(f"sqlite:///{tmp_path / 'x.sqlite3'}", auto_upgrade=True)
    sink = RowSink(open_database, tmp_path / "spool", on_drop=row_drops)
    sink.handle(run_started("a"))
    assert sink.flush(600)
    sink.close(10)
    assert [thread.name for thread in opened_in] == ["canvas-sync-store"]
    assert opened_in[0].daemon
    opened_in[0].join(600)  # it has done its work, and may be about to end
    assert not opened_in[0].is_alive()


def test_heartbeats_give_way_first_when_the_spool_is_full(
    make_store: Sinks, tmp_path: Path, row_drops: RowDrops
) -> None:
    size = len(encode(run_ended("run-00").snapshot))
    sink = make_store(NOWHERE, limit=size * 20)
    for number in range(16):
        sink.handle(run_ended(f"run-{number:02}"))
    sink.handle(_beat("run-00", 10))
    assert not row_drops.counts
    for number in range(16, 20):
        sink.handle(run_ended(f"run-{number:02}"))
    sync_all(sink, [f"run-{number:02}" for number in range(20, 25)])
    assert row_drops.counts == {"spool_full": 5}, "once for each run"
    assert waiting_bytes(tmp_path / "spool") == size * 20


def test_rows_go_through_memory_when_the_spool_cannot_be_written(
    make_store: Sinks,
    empty_database_url: str,
    tmp_path: Path,
    row_drops: RowDrops,
    caplog: pytest.LogCaptureFixture,
) -> None:
    (tmp_path / "spool").write_text("a file where the folder should be")
    sink = make_store(empty_database_url)
    sync_all(sink, ["a", "b"])
    assert sink.flush(600)
    engine = open_engine(empty_database_url)
    assert statuses_of(engine) == {"a": "success", "b": "success"}
    engine.dispose()
    assert not row_drops.counts
    (message,) = reports_in(caplog)
    assert message.startswith(f"{tmp_path / 'spool'} cannot be written: [Errno 17] File exists")


def test_rows_in_memory_that_never_arrive_are_counted(
    make_store: Sinks, tmp_path: Path, row_drops: RowDrops
) -> None:
    (tmp_path / "spool").write_text("a file where the folder should be")
    sink = make_store(NOWHERE)
    sync_all(sink, [f"run-{number}" for number in range(1010)])
    assert row_drops.counts == {"spool_unwritable": 10}, "once for each run"
    sink.close(5)
    assert row_drops.counts == {"spool_unwritable": 1010}


def test_a_run_that_waits_in_a_removed_spool_and_in_memory_is_lost_once(
    make_store: Sinks, tmp_path: Path, row_drops: RowDrops
) -> None:
    sink = make_store(NOWHERE)
    sync_all(sink, ["a"])
    sink.handle(run_started("b"))
    shutil.rmtree(tmp_path / "spool")
    (tmp_path / "spool").write_text("a file where the folder should be")
    sink.handle(run_ended("b"))
    sink.close(5)
    assert row_drops.counts == {"spool_unwritable": 2}


def test_a_full_disk_loses_nothing_while_the_database_is_there(
    empty_database_url: str, small_disk: SmallDisk, row_drops: RowDrops
) -> None:
    folder = small_disk.path / "spool"
    sink = RowSink(
        row_database_opener(empty_database_url, auto_upgrade=True), folder, on_drop=row_drops
    )
    sync_all(sink, ["before"])
    small_disk.fill()
    sync_all(sink, [f"full-{number}" for number in range(50)])
    assert sink.flush(600)
    small_disk.make_room()
    sync_all(sink, ["after"])
    sink.close(10)
    engine = open_engine(empty_database_url)
    names = ["before", *(f"full-{number}" for number in range(50)), "after"]
    assert statuses_of(engine) == dict.fromkeys(names, "success")
    engine.dispose()
    assert not row_drops.counts


def test_rows_after_the_close_are_counted(
    make_store: Sinks, empty_database_url: str, row_drops: RowDrops
) -> None:
    sink = make_store(empty_database_url)
    sink.close(5)
    sync_all(sink, ["late"])
    sink.close(5)
    assert row_drops.counts == {"closed": 1}


def test_rows_that_wait_in_a_spool_that_somebody_empties_are_counted(
    make_store: Sinks, tmp_path: Path, row_drops: RowDrops
) -> None:
    sink = make_store(NOWHERE)
    for number in range(3):
        sink.handle(run_ended(f"run-{number}"))
    for file in (tmp_path / "spool").glob("*.jsonl"):
        os.truncate(file, 0)
    sink.handle(run_ended("run-3"))
    assert row_drops.counts == Counter({"spool_emptied": 3})
