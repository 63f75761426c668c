"""Families of the exporter are those of the schema."""

from __future__ import annotations

from canvas_sync_core.schema.metrics import METRICS, MetricName
from canvas_sync_exporter.collectors.families import family
from support.served_metrics import beside_the_schema


def test_a_family_has_type_labels_and_help_of_the_schema() -> None:
    made = family(MetricName.COLLECTOR_SUCCESS, {("tokens",): 1.0})
    assert (made.type, made.documentation) == (
        "gauge",
        METRICS[MetricName.COLLECTOR_SUCCESS].help,
    )
    assert [(sample.labels, sample.value) for sample in made.samples] == [
        ({"collector": "tokens"}, 1.0)
    ]


def test_a_counter_without_labels_has_one_sample() -> None:
    (sample,) = family(MetricName.BROKEN_FILES, {(): 3}).samples
    assert (sample.name, sample.labels, sample.value) == (MetricName.BROKEN_FILES, {}, 3)


def test_a_family_stays_bounded_and_serves_no_series_twice() -> None:
    name = MetricName.EXPECTED_INTERVAL
    made = family(name, {(f"type {number}",): number for number in range(1000)})
    assert len(made.samples) == METRICS[name].limit + 1
    assert beside_the_schema([made]) == []


def test_an_undeclared_collector_is_noticed() -> None:
    made = family(MetricName.COLLECTOR_SUCCESS, {("surprise",): 1.0})
    assert beside_the_schema([made]) == [
        f"{MetricName.COLLECTOR_SUCCESS}: collector='other' is not declared"
    ]
