"""What the gatherer remembers of runs, so that it reads only what has changed."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest
from msgspec import structs
from sqlalchemy import Engine, event

from canvas_sync_core.events import ErrorInfo
from canvas_sync_core.names import IncidentKind, RunStatus
from canvas_sync_core.store.database import open_engine
from canvas_sync_exporter.judge.gathering import rows
from canvas_sync_exporter.judge.runs import FoundRun
from canvas_sync_exporter.judge.verdict import judge
from support.gathering import MINUTE, NIGHT, Scene, night
from support.runs import write


def test_a_run_is_followed_from_its_start_to_its_end(engine: Engine, tmp_path: Path) -> None:
    write(engine, *(night(number) for number in range(1, 20)))
    scene = Scene(engine, tmp_path)
    open_ended = {"end_time": None, "duration": None, "status": RunStatus.RUNNING}

    assert scene.kinds(20) == [IncidentKind.MISSED]
    late = {"start_time": (NIGHT + 50 * MINUTE).timestamp()}
    heartbeat = (NIGHT + 51 * MINUTE).timestamp()
    write(engine, night(0, **late, **open_ended, heartbeat=heartbeat))
    assert scene.kinds(1) == []
    assert [run.id for run in scene.gatherer.gather().syncs["full"].running] == ["night-0"]
    error = ErrorInfo("KeyError", "'term'")
    end = (NIGHT + 60 * MINUTE).timestamp()
    ended = {"status": RunStatus.FAILED, "error": error, "end_time": end, "heartbeat": end}
    write(engine, night(0, **late, **ended))
    assert scene.kinds() == [IncidentKind.FAILING]
    assert scene.gatherer.gather().syncs["full"].running == []


def test_an_interrupted_run_that_turns_out_to_be_alive_is_no_longer_found(
    engine: Engine, tmp_path: Path
) -> None:
    write(engine, *(night(number) for number in range(1, 20)))
    scene = Scene(engine, tmp_path)
    early = (NIGHT + 5 * MINUTE).timestamp()

    write(engine, night(0, status=RunStatus.INTERRUPTED, end_time=early, heartbeat=early))
    assert scene.kinds() == [IncidentKind.INTERRUPTED]
    write(engine, night(0))
    assert scene.kinds() == []


def test_old_interrupted_runs_are_not_read_again(
    engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    nights = (night(number, status=RunStatus.INTERRUPTED) for number in range(1, 20))
    write(engine, *nights, night(0))
    scene = Scene(engine, tmp_path)
    scene.kinds()
    read: set[int] = set()

    def note(_: object, numbers: Iterable[int]) -> list[FoundRun]:
        read.update(numbers)
        return []

    monkeypatch.setattr(rows, "runs_by_id", note)
    scene.kinds()
    assert read == set()


def test_runs_of_many_users_are_one_round(engine: Engine, tmp_path: Path) -> None:
    for number in (1, 0):
        write(
            engine,
            *(
                structs.replace(
                    night(number, user_id=user),
                    task_id=f"{number}-{user}",
                    status=RunStatus.FAILED if user < 30 and not number else RunStatus.SUCCESS,
                    error=ErrorInfo("KeyError", "'term'") if user < 30 else None,
                )
                for user in range(100)
            ),
        )
    scene = Scene(engine, tmp_path)

    scene.now += 5 * MINUTE
    (finding,) = judge(scene.gatherer.gather()).findings
    assert (finding.kind, finding.run_count, finding.user_count) == (IncidentKind.FAILING, 30, 30)


def test_only_what_has_changed_is_read_again(engine: Engine, tmp_path: Path) -> None:
    write(engine, *(night(number) for number in range(60)))
    scene = Scene(engine, tmp_path)
    scene.kinds()
    before = scene.gatherer.gather().syncs["full"]
    rows: list[int] = []

    def count(_connection: Any, cursor: Any, *_: Any) -> None:
        rows.append(cursor.rowcount)

    event.listen(engine, "after_cursor_execute", count)
    after = scene.gatherer.gather().syncs["full"]
    event.remove(engine, "after_cursor_execute", count)
    assert after is before
    assert len(rows) <= 6


def test_while_the_database_is_away_memory_serves(engine: Engine, tmp_path: Path) -> None:
    write(engine, *(night(number) for number in range(20)))
    scene = Scene(engine, tmp_path)
    assert scene.kinds() == []
    gone = open_engine("sqlite:////proc/nowhere/runs.sqlite3")
    scene.gatherer._engine = gone

    assert scene.kinds(0) == []
    assert scene.kinds(2) == [IncidentKind.DATABASE_AWAY]
    facts = scene.gatherer.gather()
    assert facts.database.reason
    assert facts.database.since == NIGHT + 35 * MINUTE
    assert len(facts.syncs["full"].runs) == 20
    scene.gatherer._engine = engine
    assert scene.kinds(1) == []
    gone.dispose()
