"""The size of the five logs on disk."""

from __future__ import annotations

from pathlib import Path

from canvas_sync_core.names import Log
from canvas_sync_core.schema.metrics import MetricName
from canvas_sync_exporter.collectors.log_files import LogFilesCollector
from support.metric_processes import samples


def test_a_logs_size_includes_its_backups_and_nothing_else(tmp_path: Path) -> None:
    """Foreign files do not count; a link to elsewhere does, as for the cleanup's status."""
    sizes = {"operations.log": 10, "operations.log.1": 20, "operations.log.12.gz": 30}
    foreign = {"operations.log.old": 1000, "other.log": 1000, "xoperations.log": 1000}
    for name, size in {**sizes, **foreign}.items():
        (tmp_path / name).write_bytes(bytes(size))
    (tmp_path / "errors.log").symlink_to(tmp_path / "other.log")
    values = samples(LogFilesCollector(tmp_path))
    assert values == {
        f'{MetricName.LOG_BYTES}{{log="{log}"}}': {"operations": 60.0, "errors": 1000.0}.get(
            log, 0.0
        )
        for log in Log
    }


def test_each_log_has_0_bytes_before_anything_was_written(tmp_path: Path) -> None:
    values = samples(LogFilesCollector(tmp_path / "no"))
    assert (len(values), set(values.values())) == (len(Log), {0.0})
