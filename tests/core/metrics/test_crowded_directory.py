"""New processes fold the metric files of dead ones while no exporter does."""

from __future__ import annotations

import signal
from pathlib import Path

import pytest

from canvas_sync_core.metrics import MetricFiles, crowded_directory
from canvas_sync_core.metrics.sink import MetricsSink
from canvas_sync_exporter.collectors.sync_processes import SyncProcessCollector
from support.metric_processes import (
    count,
    finish,
    leave_dead,
    newborn_event,
    samples,
    samples_without_fold,
    start,
    total,
)

_DEAD = 8
_FILES = 5
"""Of one dead process."""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that is crowded by dead processes."""
    for _ in range(_DEAD):
        leave_dead(tmp_path, 1)
    monkeypatch.setattr(crowded_directory, "MOST_FILES", _DEAD * _FILES - 1)
    return tmp_path


def _live_one_life(folder: Path) -> None:
    sink = MetricsSink(folder, folds_dead=True)
    sink.handle(newborn_event())
    sink.close(600)


def test_a_new_process_folds_the_dead_and_leaves_the_living_alone(folder: Path) -> None:
    living = MetricFiles(folder)
    count(living, 100)
    before = {path.name for path in folder.glob("*.db")}
    _live_one_life(folder)
    dead = {path.name for path in folder.glob("*.db")} & before
    assert len(dead) == 4, "those of the living"
    assert total(samples_without_fold(folder)) == _DEAD + 100
    living.close()
    assert total(samples(SyncProcessCollector(folder))) == _DEAD + 100


def test_the_number_of_files_stays_bounded_while_processes_come_and_go(folder: Path) -> None:
    for _ in range(30):
        _live_one_life(folder)
    assert len(list(folder.iterdir())) < _DEAD * _FILES + 10
    assert total(samples_without_fold(folder)) == _DEAD


def test_a_forked_child_is_a_new_process(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sink = MetricsSink(tmp_path, folds_dead=True)
    sink.handle(newborn_event())  # not crowded yet
    for _ in range(_DEAD):
        leave_dead(tmp_path, 1)
    monkeypatch.setattr(crowded_directory, "MOST_FILES", _DEAD * _FILES)
    sink.after_fork_in_child()
    sink.handle(newborn_event())
    sink.close(600)
    assert not [path for path in tmp_path.glob("*.db") if "gauge_livesum" in path.name]
    assert total(samples_without_fold(tmp_path)) == _DEAD


def test_one_process_folds_a_limited_number(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(crowded_directory, "_AT_ONCE", 10)
    before = len(list(folder.glob("*.db")))
    sink = MetricsSink(folder, folds_dead=True)
    own = len(list(folder.glob("*.db"))) - before
    sink.handle(newborn_event())
    sink.close(600)
    assert len(list(folder.glob("*.db"))) - own == before - 10
    assert total(samples_without_fold(folder)) == _DEAD


@pytest.mark.parametrize("step", [1, 2, 4, 5, 12])
def test_a_new_process_that_is_killed_in_the_middle_loses_nothing(folder: Path, step: int) -> None:
    newborn = start("newborn", folder, _DEAD * _FILES - 5, step)
    finish(newborn)
    assert newborn.returncode == -signal.SIGKILL
    assert total(samples_without_fold(folder)) == _DEAD
    _live_one_life(folder)
    assert total(samples_without_fold(folder)) == _DEAD


def test_two_new_processes_at_once_count_nothing_twice(folder: Path) -> None:
    newborns = [start("newborn", folder, _DEAD * _FILES - 1, 0) for _ in range(2)]
    for newborn in newborns:
        finish(newborn)
    assert [newborn.returncode for newborn in newborns] == [0, 0]
    assert total(samples_without_fold(folder)) == _DEAD
    assert len(list(folder.glob("counter_*.db"))) <= 2, "of the two at most"


def test_a_child_forked_meanwhile_does_not_keep_the_folder_locked(folder: Path) -> None:
    """The parent is killed in the middle; its child lives on."""
    with start("newborn_with_child", folder, _DEAD * _FILES - 1) as parent:
        assert parent.stdout.readline() == "forked\n"
        parent.kill()
        assert total(samples(SyncProcessCollector(folder))) == _DEAD
