"""Removed or displaced metric files are recreated, and failed writes are reported with a reason."""

from __future__ import annotations

import shutil
from pathlib import Path

from canvas_sync_core.metrics import MetricFiles
from canvas_sync_core.metrics._file_upkeep import FileUpkeep
from support.metric_processes import count
from support.small_disk import SmallDisk


def test_removed_files_are_back_once_the_next_check_is_due(tmp_path: Path) -> None:
    folder = tmp_path / "metrics"
    files = MetricFiles(folder)
    count(files, 3)
    shutil.rmtree(folder)
    FileUpkeep(files).restore_when_due()
    assert files.displaced() == 0
    assert list(folder.glob("counter*"))
    files.close()


def test_series_that_wait_because_of_a_full_disk_are_lost_to_the_full_disk(
    small_disk: SmallDisk,
) -> None:
    folder = small_disk.path / "metrics"
    folder.mkdir()
    files = MetricFiles(folder)
    small_disk.fill()
    count(files, 1)
    assert FileUpkeep(files).losses() == ("disk_full", files.waiting)
    assert files.waiting > 0
    files.close()


def test_series_that_wait_because_of_another_fault_are_lost_to_that(tmp_path: Path) -> None:
    folder = tmp_path / "metrics"
    folder.write_text("a file where the folder should be")
    files = MetricFiles(folder)
    count(files, 1)
    assert FileUpkeep(files).losses() == ("io_error", files.waiting)
    files.close()
