"""Metric families of the exporter itself, built from the schema."""

from __future__ import annotations

from collections.abc import Mapping

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.metrics_core import Metric

from canvas_sync_core.metrics.label_bounds import LabelBounds
from canvas_sync_core.schema.metrics import METRICS, MetricName, MetricType

__all__ = ["family"]


def family(name: MetricName, values: Mapping[tuple[str, ...], float]) -> Metric:
    """Build the family of a counter or gauge.

    Args:
        name: The metric.
        values: Label values, in order -> value of the series. For series that share ``other``,
            the largest gauge is served, and counters are added up.
    """
    spec, bounds = METRICS[name], LabelBounds()
    is_counter = spec.type is MetricType.COUNTER
    series: dict[tuple[str, ...], float] = {}
    for key, value in values.items():
        labels = bounds.apply(name, key)
        known = series.get(labels)
        if known is None:
            series[labels] = value
        else:
            series[labels] = known + value if is_counter else max(known, value)
    kind = CounterMetricFamily if is_counter else GaugeMetricFamily
    made = kind(name, spec.help, labels=spec.label_names)
    for labels, value in series.items():
        made.add_metric(labels, value)
    return made
