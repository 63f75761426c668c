"""Number and size of the archives of each log."""

from __future__ import annotations

from pathlib import Path

from canvas_sync_core.names import Log
from canvas_sync_core.schema.metrics import MetricName
from canvas_sync_exporter.collectors.archives import ArchivesCollector
from support.metric_processes import samples


def test_archives_are_counted_and_summed_by_log(tmp_path: Path) -> None:
    """Only whole archives of a known log count."""
    for name, size in {
        "api_calls-20250101T020000Z.tar.gz": 5,
        "api_calls-20250102T020000Z.tar.gz": 6,
        "api_calls-20250103T020000Z.tar.gz.tmp": 1000,
        "api_calls-backup.tar.gz": 1000,
        "unknown-20250101T020000Z.tar.gz": 1000,
    }.items():
        (tmp_path / name).write_bytes(bytes(size))
    values = samples(ArchivesCollector(tmp_path))
    assert values[f'{MetricName.ARCHIVES}{{log="api_calls"}}'] == 2
    assert values[f'{MetricName.ARCHIVE_BYTES}{{log="api_calls"}}'] == 11
    assert sum(values.values()) == 13


def test_each_log_has_no_archives_before_the_first_cleanup(tmp_path: Path) -> None:
    values = samples(ArchivesCollector(tmp_path / "no"))
    assert (len(values), set(values.values())) == (2 * len(Log), {0.0})
