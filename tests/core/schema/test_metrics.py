"""The schema of metrics is complete, well formed, and what the product has."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from prometheus_client import Metric

from canvas_sync_core.names import ITEM_ACTIONS, ITEMS
from canvas_sync_core.schema.metrics import METRICS, MetricName, MetricType, zeros_of
from support.markdown import ROOT
from support.served_metrics import beside_the_schema

MAKERS = re.compile(r"(Counter|Gauge|Histogram|Summary|Info|Enum|Metric|\w+MetricFamily)")
ALLOWED = {"collectors/families.py", "collectors/metric_file_families.py", "web/metrics.py"}
"""They take name, labels and help from the schema, or from files that were written by it."""


def test_each_metric_is_declared() -> None:
    assert set(METRICS) == set(MetricName)


@pytest.mark.parametrize("name", MetricName)
def test_a_metric_follows_prometheus_naming(name: MetricName) -> None:
    spec = METRICS[name]
    assert re.fullmatch(r"canvas_sync_[a-z_]+", name)
    assert name.endswith("_total") == (spec.type is MetricType.COUNTER)
    assert bool(spec.buckets) == (spec.type is MetricType.HISTOGRAM)
    assert list(spec.buckets) == sorted(set(spec.buckets))
    assert not spec.merge or spec.type is MetricType.GAUGE
    assert len(set(spec.label_names)) == len(spec.labels)
    assert spec.help.endswith(".")


@pytest.mark.parametrize("name", MetricName)
def test_what_exists_as_zero_has_declared_values(name: MetricName) -> None:
    spec = METRICS[name]
    labels = {label.name: label for label in spec.labels}
    assert not spec.zeros or spec.type is not MetricType.HISTOGRAM
    for zero in spec.zeros:
        assert set(zero) <= set(labels)
        assert all(
            labels[key].is_open or value in labels[key].values for key, value in zero.items()
        )


def test_zeros_follow_from_the_labels_that_became_known() -> None:
    of_a_type = list(zeros_of({"sync_type": "full"}))
    assert (MetricName.RUNS, ("full", "failed")) in of_a_type
    assert [labels for name, labels in of_a_type if name is MetricName.ITEMS] == [
        ("full", item, action) for item in ITEMS for action in ITEM_ACTIONS
    ]
    assert (MetricName.ERRORS, ("api", "timeout")) in list(zeros_of({}))


def test_metrics_are_made_only_from_the_schema() -> None:
    made = {file: names for file, names in _made_metrics() if file not in ALLOWED}
    assert made == {}


def _made_metrics() -> Iterator[tuple[str, list[str]]]:
    """Which modules of the product call a constructor of prometheus-client."""
    for root in ("core", "instrumentation", "exporter"):
        for path in (ROOT / root).rglob("*.py"):
            tree = ast.parse(path.read_text(encoding="utf-8"))
            imported = {
                alias.asname or alias.name
                for node in ast.walk(tree)
                if isinstance(node, ast.ImportFrom) and "prometheus_client" in (node.module or "")
                for alias in node.names
                if MAKERS.fullmatch(alias.name)
            }
            called = [
                node.func.id
                for node in ast.walk(tree)
                if isinstance(node, ast.Call)
                and isinstance(node.func, ast.Name)
                and node.func.id in imported
            ]
            if called:
                yield "/".join(Path(path).parts[-2:]), called


def test_a_metric_that_the_schema_lacks_is_noticed() -> None:
    """What ``/metrics`` serves is checked by the same function, in tests of the whole product."""
    surprise = Metric("canvas_sync_surprise", "Help.", "gauge")
    surprise.add_sample("canvas_sync_surprise", {"course": "7"}, 1)
    assert beside_the_schema([surprise]) == ["canvas_sync_surprise is not declared"]


def test_a_label_that_the_schema_lacks_is_noticed() -> None:
    runs = Metric("canvas_sync_runs", "Help.", "counter")
    runs.add_sample(MetricName.RUNS, {"sync_type": "full", "status": "failed", "course": "7"}, 1)
    runs.add_sample(MetricName.RUNS, {"sync_type": "full", "status": "lost"}, 1)
    assert beside_the_schema([runs]) == [
        f"{MetricName.RUNS}: has the labels ['course', 'status', 'sync_type']",
        f"{MetricName.RUNS}: status='lost' is not declared",
    ]


def test_more_series_than_the_limit_are_noticed() -> None:
    last_run = Metric(MetricName.LAST_RUN, "Help.", "gauge")
    for number in range(METRICS[MetricName.LAST_RUN].limit + 2):
        last_run.add_sample(MetricName.LAST_RUN, {"sync_type": f"course {number}"}, 1)
    assert beside_the_schema([last_run]) == [
        f"{MetricName.LAST_RUN} has more series than its limit"
    ]
