"""The families of values keep up with the series that there are."""

from __future__ import annotations

from pathlib import Path

from prometheus_client.samples import Sample

from canvas_sync_core.metrics import MetricFiles
from canvas_sync_core.metrics.folding import MetricFolder
from canvas_sync_core.metrics.sample_keys import SampleKeys
from canvas_sync_core.schema.metrics import MetricName
from canvas_sync_exporter.collectors.samples import FamilyBuilder


class Served:
    """What is served of the metric files of a folder."""

    def __init__(self, folder: Path) -> None:
        keys = SampleKeys()
        self._folder = MetricFolder(folder, keys)
        self._builder = FamilyBuilder(keys)

    def samples(self) -> dict[str, list[Sample]]:
        families = self._builder.families(self._folder.read())
        return {family.name: family.samples for family in families}


def test_a_series_that_appears_later_is_served_with_the_others(tmp_path: Path) -> None:
    files, served = MetricFiles(tmp_path), Served(tmp_path)
    files.counter(MetricName.API_RETRIES, ["/api/v1/courses"]).add(2)
    assert [sample.value for sample in served.samples()["canvas_sync_api_retries"]] == [2]

    files.counter(MetricName.API_RETRIES, ["/api/v1/accounts"]).add(3)
    files.gauge(MetricName.RUNS_IN_PROGRESS, ["full"]).set(1)
    samples = served.samples()
    assert {
        sample.labels["route"]: sample.value for sample in samples["canvas_sync_api_retries"]
    } == {"/api/v1/courses": 2, "/api/v1/accounts": 3}
    assert [sample.value for sample in samples["canvas_sync_runs_in_progress"]] == [1]
    files.close()


def test_a_gauge_that_loses_its_value_is_served_no_more(tmp_path: Path) -> None:
    files, served = MetricFiles(tmp_path), Served(tmp_path)
    oldest = files.gauge(MetricName.RUN_OLDEST_START, ["full"])
    oldest.set(100.0)
    assert len(served.samples()["canvas_sync_run_oldest_start_timestamp_seconds"]) == 1
    oldest.clear()
    assert "canvas_sync_run_oldest_start_timestamp_seconds" not in served.samples()
    files.close()


def test_values_of_the_same_series_change_from_scrape_to_scrape(tmp_path: Path) -> None:
    files, served = MetricFiles(tmp_path), Served(tmp_path)
    duration = files.histogram(MetricName.API_REQUEST_DURATION, ["GET", "/api/v1/courses"])
    name = "canvas_sync_api_request_duration_seconds"
    for count in (1, 2):
        duration.observe(0.5)
        found = {
            (sample.name, sample.labels.get("le")): sample.value
            for sample in served.samples()[name]
        }
        assert found[f"{name}_count", None] == found[f"{name}_bucket", "+Inf"] == count
        assert found[f"{name}_sum", None] == 0.5 * count
    files.close()
