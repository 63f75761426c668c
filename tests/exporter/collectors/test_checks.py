"""The checks of health."""

from __future__ import annotations

from canvas_sync_core.schema.metrics import MetricName
from canvas_sync_exporter.collectors.checks import ChecksCollector
from support.metric_processes import samples


def test_each_check_is_1_or_0_and_is_run_at_each_scrape() -> None:
    answers = iter([{"database": True, "jobs": False}, {"database": False}])
    collector = ChecksCollector(lambda: next(answers))
    assert [samples(collector), samples(collector)] == [
        {
            f'{MetricName.EXPORTER_CHECK}{{check="database"}}': 1.0,
            f'{MetricName.EXPORTER_CHECK}{{check="jobs"}}': 0.0,
        },
        {f'{MetricName.EXPORTER_CHECK}{{check="database"}}': 0.0},
    ]
