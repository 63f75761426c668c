"""Suspect runs."""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import Engine

from canvas_sync_core.events import ItemCounts
from canvas_sync_core.names import ITEMS, IncidentKind
from canvas_sync_core.store.suspects import judge_runs
from support.gathering import DAY, NIGHT, Scene, night
from support.runs import write


def test_a_run_that_the_flagging_finds_suspect_is_suspect(engine: Engine, tmp_path: Path) -> None:
    write(engine, *(night(number) for number in range(1, 20)))
    scene = Scene(engine, tmp_path)
    nothing = {item: ItemCounts() for item in ITEMS}
    write(engine, night(0, items=nothing))

    assert scene.kinds() == []
    judge_runs(engine, NIGHT - DAY / 2)
    assert scene.kinds() == [IncidentKind.SUSPECT]
