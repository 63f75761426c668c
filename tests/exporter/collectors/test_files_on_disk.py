"""Logs and archives as they lie on disk."""

from __future__ import annotations

from pathlib import Path

from canvas_sync_core.names import Log
from canvas_sync_core.schema.metrics import MetricName
from canvas_sync_core.store.spool import Spool, encode
from canvas_sync_exporter.collectors.archives import ArchivesCollector
from canvas_sync_exporter.collectors.log_disk import LogDiskCollector
from canvas_sync_exporter.collectors.log_files import LogFilesCollector
from canvas_sync_exporter.collectors.spool import SpoolCollector
from support.metric_processes import samples
from support.runs import snapshot
from support.small_disk import SmallDisk


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


def test_the_room_left_is_that_of_the_disk_also_before_the_folder_exists(
    small_disk: SmallDisk,
) -> None:
    """A file that is written there takes from it."""
    collector = LogDiskCollector(small_disk.path / "logs" / "canvas_sync")
    before = samples(collector)[MetricName.LOG_DISK_FREE]
    (small_disk.path / "file").write_bytes(bytes(65536))
    assert samples(collector)[MetricName.LOG_DISK_FREE] == before - 65536


def test_what_waits_for_the_database_is_added_up_over_all_processes(tmp_path: Path) -> None:
    folder = tmp_path / "spool"
    spools = [Spool(folder) for _ in range(2)]
    record = encode(snapshot("waits"))
    for spool in spools:
        spool.append(record)
    (folder / "damaged.txt").write_text("no row that waits")
    values = samples(SpoolCollector(folder))
    assert values == {MetricName.SPOOL_BYTES: 2.0 * len(record)}
    for spool in spools:
        spool.discard(spool.read())
        spool.close()
    assert samples(SpoolCollector(folder)) == {MetricName.SPOOL_BYTES: 0.0}


def test_missing_folders_are_empty(tmp_path: Path) -> None:
    """Each log is there with 0 before anything was written."""
    assert set(samples(LogFilesCollector(tmp_path / "no")).values()) == {0.0}
    assert samples(SpoolCollector(tmp_path / "no")) == {MetricName.SPOOL_BYTES: 0.0}
    assert len(samples(ArchivesCollector(tmp_path / "no"))) == 2 * len(Log)
