"""The newest runs of each sync type."""

from __future__ import annotations

import time

from sqlalchemy import Engine

from canvas_sync_core.names import TABLE, RunStatus
from canvas_sync_exporter.judge.status import Level, SyncStatus
from canvas_sync_exporter.ui.sync_states import SyncState, read_syncs
from support.many_types import MANY_TYPES
from support.plans import assert_bounded, explained
from support.runs import failed, running, write


def _status(sync_type: str) -> SyncStatus:
    return SyncStatus(sync_type, "well", Level.WELL, None, None, None)


def test_one_query_finds_the_newest_runs_of_all_shown_sync_types(many_types: Engine) -> None:
    statuses = [_status(name) for name in (*MANY_TYPES, "never ran")]
    found: list[SyncState] = []
    (plan,) = explained(many_types, lambda engine: found.extend(read_syncs(engine, statuses, 80)))
    assert_bounded([plan])
    assert f"SCAN {TABLE}" not in plan  # not even in order: nothing would end it
    names = {each.status.sync_type: [run.task_id for run in each.runs] for each in found}
    newest = {name: [f"{name} {age}" for age in (4, 3, 2, 1)] for name in MANY_TYPES}
    assert names == {**newest, "never ran": []}
    assert {each.usual_seconds for each in found if each.runs} == {12.5}


def test_a_run_in_progress_has_no_duration_and_a_failed_one_no_success(engine: Engine) -> None:
    now = time.time()
    write(engine, failed("bad", start_time=now - 600), running("now", start_time=now - 60))
    (full,) = read_syncs(engine, [_status("full")], 20)
    assert [(run.status, run.seconds) for run in full.runs] == [
        (RunStatus.FAILED.value, 12.5),
        (RunStatus.RUNNING.value, None),
    ]
    assert (full.last_success, full.usual_seconds) == (None, None)
