"""Metric files are read while their processes write them."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from canvas_sync_core.metrics import MetricFiles
from canvas_sync_core.metrics.reading import FileReader
from canvas_sync_core.metrics.sample_keys import SampleKeys
from canvas_sync_core.schema.metrics import MetricName


def count(files: MetricFiles, routes: range) -> None:
    """Count a call on each of some routes."""
    with files.lock:
        for number in routes:
            labels = ("GET", f"/api/v1/courses/{number}", "200")
            files.counter(MetricName.API_REQUESTS, labels).add(1)


def test_a_file_that_grows_between_two_looks_at_it_is_read_and_not_broken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = MetricFiles(tmp_path)
    count(files, range(10))
    (path,) = tmp_path.glob("counter_*.db")
    size, look = path.stat().st_size, os.fstat

    def look_before_it_grows(fd: int) -> os.stat_result:
        status = look(fd)
        monkeypatch.undo()
        count(files, range(10, 1000))
        return status

    monkeypatch.setattr("canvas_sync_core.metrics.reading.os.fstat", look_before_it_grows)
    reading = FileReader(tmp_path, SampleKeys()).read(path.name)
    assert path.stat().st_size > size, "it has grown meanwhile"
    assert reading is not None
    assert reading.broken is None
    assert sum(reading.values) == 1000
    files.close()


def test_a_file_that_is_shorter_than_it_says_is_broken(tmp_path: Path) -> None:
    files = MetricFiles(tmp_path)
    count(files, range(1000))
    (path,) = tmp_path.glob("counter_*.db")
    content = path.read_bytes()
    files.close()
    path.write_bytes(content[: 20 * 1024])
    reading = FileReader(tmp_path, SampleKeys()).read(path.name)
    assert reading is not None
    assert reading.broken is not None
    assert "has only 20480" in reading.broken
