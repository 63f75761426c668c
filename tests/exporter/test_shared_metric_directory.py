"""The metric files of live and dead processes, for all readers of one process."""

from __future__ import annotations

from pathlib import Path

import pytest

from canvas_sync_core.errors import CanvasSyncMonitorError
from canvas_sync_core.metrics import MetricFiles
from canvas_sync_core.metrics.totals import MetricTotals
from canvas_sync_exporter.shared_metric_directory import SharedMetricDirectory
from support.metric_processes import COUNTED, count, leave_dead


def test_a_folder_that_is_missing_is_empty(tmp_path: Path) -> None:
    files = SharedMetricDirectory(tmp_path / "later")
    assert files.read() == files.fold_and_read() == MetricTotals()
    assert files.fold() == 0


def test_sums_of_a_label_are_the_same_before_and_after_the_dead_are_folded(tmp_path: Path) -> None:
    live = MetricFiles(tmp_path)
    count(live, 1)
    leave_dead(tmp_path, 10)
    files = SharedMetricDirectory(tmp_path)
    before = files.sums(COUNTED, "log")
    assert files.fold() > 0
    assert files.fold() == 0
    assert before == files.sums(COUNTED, "log") == {"operations": 11.0}
    live.close()


def test_damage_to_both_copies_of_what_the_dead_counted_is_an_error(tmp_path: Path) -> None:
    leave_dead(tmp_path, 10)
    SharedMetricDirectory(tmp_path).fold()
    for copy in tmp_path.glob("folded.state*"):
        copy.write_bytes(b"damaged")
    with pytest.raises(CanvasSyncMonitorError, match="damaged"):
        SharedMetricDirectory(tmp_path).read()
