"""The judge judges every 15 seconds, and soon after a run has ended."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import Engine

from canvas_sync_core.store.database import downgrade
from canvas_sync_core.store.rollups.writing import roll_up
from canvas_sync_exporter.jobs.judging import Judging
from canvas_sync_exporter.judge.facts import DatabaseFacts, Facts
from canvas_sync_exporter.judge.finding import Verdict
from canvas_sync_exporter.judge.judge import Judge
from support.runs import running, snapshot, write

NOW = datetime(2026, 3, 2, tzinfo=UTC)


class Scene:
    """A judging at times that a test sets, and how often it was done."""

    def __init__(self, engine: Engine, folder: Path) -> None:
        self.seconds = 1000.0
        self.count = 0
        judge = Judge(
            "a",
            self._gather,
            lambda facts: Verdict(NOW, (), frozenset()),
            engine,
            folder / "incidents.json",
        )
        self.judging = Judging(judge, engine, lambda: self.seconds)

    def _gather(self) -> Facts:
        self.count += 1
        return Facts(NOW, NOW, DatabaseFacts(True, NOW))

    def after(self, seconds: float) -> bool:
        self.seconds += seconds
        return self.judging.judge_when_due()


@pytest.fixture
def scene(engine: Engine, tmp_path: Path) -> Scene:
    return Scene(engine, tmp_path)


def test_it_judges_at_once_and_then_every_15_seconds(scene: Scene) -> None:
    assert [scene.after(0), scene.after(14), scene.after(1), scene.after(14.9)] == [
        *(True, False, True, False)
    ]
    assert scene.count == 2


def test_it_judges_soon_after_a_run_has_ended(scene: Scene, engine: Engine) -> None:
    scene.after(0)
    write(engine, running("nightly"))
    roll_up(engine, 600)
    assert not scene.after(6), "a run that runs changes nothing"
    write(engine, snapshot("nightly"))
    roll_up(engine, 600)
    assert scene.after(1)
    assert not scene.after(6)


def test_runs_that_end_all_the_time_do_not_make_it_judge_all_the_time(
    scene: Scene, engine: Engine
) -> None:
    for number in range(20):
        write(engine, snapshot(f"{number}"))
        roll_up(engine, 600)
        scene.after(1)
    assert scene.count == 4


def test_without_rollups_it_judges_every_15_seconds(scene: Scene, engine: Engine) -> None:
    downgrade(engine, "0002")
    assert [scene.after(0), scene.after(6), scene.after(9)] == [True, False, True]
