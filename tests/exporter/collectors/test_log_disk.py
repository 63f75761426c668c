"""Free space on the disk of the logs."""

from __future__ import annotations

from canvas_sync_core.schema.metrics import MetricName
from canvas_sync_exporter.collectors.log_disk import LogDiskCollector
from support.metric_processes import samples
from support.small_disk import SmallDisk


def test_the_free_space_is_that_of_the_disk_even_before_the_folder_exists(
    small_disk: SmallDisk,
) -> None:
    """A file that is written there takes from it."""
    collector = LogDiskCollector(small_disk.path / "logs" / "canvas_sync")
    before = samples(collector)[MetricName.LOG_DISK_FREE]
    (small_disk.path / "file").write_bytes(bytes(65536))
    assert samples(collector)[MetricName.LOG_DISK_FREE] == before - 65536
