"""A fold that dies at any step, and a state that is damaged on disk."""

from __future__ import annotations

import signal
from pathlib import Path

import pytest

from canvas_sync_core.metrics.folded_state import StateDamagedError
from canvas_sync_core.schema.metrics import MetricName
from canvas_sync_exporter.collectors.sync_processes import SyncProcessCollector
from support.metric_processes import (
    finish,
    leave_dead,
    samples,
    samples_without_fold,
    start,
    total,
)

COPIES = ("folded.state", "folded.state.copy")


def steps_of_a_fold(folder: Path) -> list[str]:
    """The steps of a fold of one dead process after another."""
    leave_dead(folder, 1)
    return finish(start("fold", folder, 0)).splitlines()


def test_a_fold_that_is_killed_at_any_step_neither_loses_nor_duplicates_values(
    tmp_path: Path,
) -> None:
    """Killed after each step in turn; also when the next fold is killed there again."""
    steps = steps_of_a_fold(tmp_path / "once")
    assert len(steps) == 9  # two copies, written and replaced; five files removed
    for number in range(1, len(steps) + 1):
        folder = tmp_path / str(number)
        leave_dead(folder, 1)
        SyncProcessCollector(folder).files.fold()
        leave_dead(folder, 10)
        for _ in range(2):
            fold = start("fold", folder, number)
            finish(fold)
            assert fold.returncode in {-signal.SIGKILL, 0}
            assert total(samples_without_fold(folder)) == 11
        collector = SyncProcessCollector(folder)
        for _ in range(2):
            assert total(samples(collector)) == 11
        assert not list(folder.glob("*.db"))


def test_sources_stay_until_both_copies_contain_them(tmp_path: Path) -> None:
    """Killed between the copies, then the only new one is damaged: nothing is lost."""
    leave_dead(tmp_path, 1)
    finish(start("fold", tmp_path, 2))
    assert (tmp_path / COPIES[0]).exists()
    assert not (tmp_path / COPIES[1]).exists()
    assert list(tmp_path.glob("*.db"))
    leave_dead(tmp_path, 10)
    (tmp_path / COPIES[0]).unlink()
    assert total(samples(SyncProcessCollector(tmp_path))) == 11


@pytest.mark.parametrize("damage", ["garbage", "truncated", "empty", "missing"])
def test_one_damaged_copy_is_mended_from_the_other(tmp_path: Path, damage: str) -> None:
    """The sums stay, the damage is counted, and after the next fold both copies are whole."""
    leave_dead(tmp_path, 7)
    collector = SyncProcessCollector(tmp_path)
    assert total(samples(collector)) == 7
    first, second = (tmp_path / name for name in COPIES)
    data = first.read_bytes()
    damaged = {"garbage": data[:-9] + b"x" + data[-8:], "truncated": data[:50], "empty": b""}
    if damage == "missing":
        first.unlink()
    else:
        first.write_bytes(damaged[damage])
    for _ in range(2):
        values = samples(collector)
        assert total(values) == 7
        assert values[MetricName.STATE_RECOVERIES] == 1
    assert first.read_bytes() == second.read_bytes()


def test_two_damaged_copies_are_an_error_and_never_a_restart_from_zero(tmp_path: Path) -> None:
    """Neither scrape nor fold goes on; files of the dead stay where they are."""
    leave_dead(tmp_path, 7)
    SyncProcessCollector(tmp_path).files.fold()
    for name in COPIES:
        (tmp_path / name).write_bytes(b"garbage")
    leave_dead(tmp_path, 1)
    collector = SyncProcessCollector(tmp_path)
    with pytest.raises(StateDamagedError, match="Restore one of them"):
        samples(collector)
    with pytest.raises(StateDamagedError):
        collector.files.fold()
    assert list(tmp_path.glob("counter_*.db"))


def test_a_fold_with_nothing_to_do_writes_nothing(tmp_path: Path) -> None:
    """It answers 0 and leaves the state as it was."""
    leave_dead(tmp_path, 1)
    collector = SyncProcessCollector(tmp_path)
    assert collector.files.fold() > 0
    before = (tmp_path / COPIES[0]).stat().st_mtime_ns
    assert collector.files.fold() == 0
    assert (tmp_path / COPIES[0]).stat().st_mtime_ns == before
