"""The families of values keep up with the series that there are."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from prometheus_client.samples import Exemplar as ServedExemplar
from prometheus_client.samples import Sample

from canvas_sync_core.metrics import Exemplar, MetricFiles
from canvas_sync_core.metrics.metric_directory import MetricDirectory
from canvas_sync_core.metrics.sample_keys import SampleKey, SampleKeys
from canvas_sync_core.metrics.totals import MetricTotals
from canvas_sync_core.schema.metrics import MetricName
from canvas_sync_exporter.collectors.metric_file_families import MetricFileFamilies


class Served:
    """What is served of the metric files of a folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = MetricDirectory(folder, SampleKeys())
        self._families = MetricFileFamilies()

    def samples(self) -> dict[str, list[Sample]]:
        families = self._families.build(self._folder.read())
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


def test_a_gauge_that_loses_its_value_is_no_longer_served(tmp_path: Path) -> None:
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


def _key(sample: str, help_text: str = "Help.", **labels: str) -> SampleKey:
    metric = sample.removesuffix("_sum").removesuffix("_bucket")
    key = json.dumps([metric, sample, labels, help_text]).encode()
    return SampleKeys().parse(key)


def _samples(values: dict[str, dict[SampleKey, float]]) -> dict[str, float]:
    """Return what is served of the values of each kind of file, by its text in an exposition."""
    families = MetricFileFamilies().build(MetricTotals(values))
    return {
        text: value
        for family in families
        for text, value in zip(family.texts, family.values, strict=True)
    }


@pytest.mark.parametrize(
    ("kind", "expected"), [("counter", 5.0), ("gauge_livemin", 2.0), ("gauge_max", 3.0)]
)
def test_a_series_of_two_versions_with_other_help_is_one(kind: str, expected: float) -> None:
    keys = _key("calls", "Old help.", host="a"), _key("calls", "New help.", host="a")
    only_new = _key("calls", "New help.", host="b")
    values = {kind: {keys[0]: 3.0, only_new: 7.0, keys[1]: 2.0}}
    assert _samples(values) == {'calls{host="a"}': expected, 'calls{host="b"}': 7.0}


def test_histograms_of_two_versions_are_added_up_and_cumulative() -> None:
    values = {
        _key("took_bucket", "Old.", le="1.0"): 1.0,
        _key("took_bucket", "New.", le="1.0"): 2.0,
        _key("took_bucket", "New.", le="0.5"): 4.0,
        _key("took_bucket", "New.", le="+Inf"): 8.0,
        _key("took_sum", "Old."): 0.5,
        _key("took_sum", "New."): 0.25,
    }
    assert _samples({"histogram": values}) == {
        'took_bucket{le="0.5"}': 4.0,
        'took_bucket{le="1.0"}': 7.0,
        'took_bucket{le="+Inf"}': 15.0,
        "took_count": 15.0,
        "took_sum": 0.75,
    }


def test_a_name_that_another_kind_has_already_is_served_once() -> None:
    values = {"counter": {_key("calls"): 1.0}, "gauge_max": {_key("calls"): 2.0}}
    assert _samples(values) == {"calls": 1.0}


def test_families_come_by_name_each_with_the_exemplars_of_its_buckets() -> None:
    buckets = {name: _key(f"{name}_bucket", le="1.0") for name in ("later", "earlier")}
    exemplar = Exemplar("4bf9", 0.5, time=7.0)
    totals = MetricTotals({"histogram": dict.fromkeys(buckets.values(), 1.0)})
    totals.exemplars = {buckets["later"]: exemplar, _key("of_no_bucket"): exemplar}
    earlier, later = MetricFileFamilies().build(totals)
    assert (earlier.name, earlier.exemplars) == ("earlier", {})
    assert (later.name, later.exemplars) == (
        "later",
        {0: ServedExemplar({"trace_id": "4bf9"}, 0.5, 7.0)},
    )
    assert later.sample_names == {"later_bucket", "later_count", "later_sum"}
