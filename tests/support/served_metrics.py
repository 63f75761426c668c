"""What is served, compared with the schema of metrics."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from prometheus_client import Metric

from canvas_sync_core.schema.metrics import METRICS, MetricName, MetricSpec

__all__ = ["beside_the_schema"]


def beside_the_schema(families: Iterable[Metric]) -> list[str]:
    """Say what the schema of metrics does not allow; families by prometheus-client are ours."""
    ours = (family for family in families if not family.name.endswith("_created"))
    return [fault for family in ours for fault in _faults(family)]


def _faults(family: Metric) -> Iterator[str]:
    name = f"{family.name}_total" if family.type == "counter" else family.name
    if name not in set(MetricName):
        yield f"{name} is not declared"
        return
    spec = METRICS[MetricName(name)]
    if family.type != spec.type.value:
        yield f"{name} is a {family.type}"
    combinations = set()
    for sample in family.samples:
        labels = {key: value for key, value in sample.labels.items() if key != "le"}
        if not sample.name.endswith("_created"):
            yield from (f"{name}: {fault}" for fault in _label_faults(spec, labels))
            combinations.add(
                tuple(labels.get(label.name) for label in spec.labels if label.is_open)
            )
    if len(combinations) > spec.limit + 1:
        yield f"{name} has more series than its limit"


def _label_faults(spec: MetricSpec, labels: dict[str, str]) -> Iterator[str]:
    if set(labels) != set(spec.label_names):
        yield f"has the labels {sorted(labels)}"
        return
    for label in spec.labels:
        value = labels[label.name]
        if not label.is_open and value not in label.values:
            yield f"{label.name}={value!r} is not declared"
