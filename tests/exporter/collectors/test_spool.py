"""The size of the rows that wait for the database."""

from __future__ import annotations

from pathlib import Path

from canvas_sync_core.schema.metrics import MetricName
from canvas_sync_core.store.spool.lines import encode
from canvas_sync_core.store.spool.own_file import Spool
from canvas_sync_exporter.collectors.spool import SpoolCollector
from support.metric_processes import samples
from support.runs import snapshot


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


def test_nothing_waits_before_the_first_sync(tmp_path: Path) -> None:
    assert samples(SpoolCollector(tmp_path / "no")) == {MetricName.SPOOL_BYTES: 0.0}
