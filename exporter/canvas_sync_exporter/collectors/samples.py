"""Converts the values of metric files to metric families."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from prometheus_client.metrics_core import Metric
from prometheus_client.samples import Exemplar as ServedExemplar
from prometheus_client.samples import Sample
from prometheus_client.utils import floatToGoString

from canvas_sync_core.metrics import Exemplar
from canvas_sync_core.metrics.sample_keys import SampleKey, SampleKeys
from canvas_sync_core.metrics.totals import MERGE, Totals

__all__ = ["families_of"]

_Labels = tuple[tuple[str, str], ...]


def families_of(totals: Totals, keys: SampleKeys) -> list[Metric]:
    """Build the metric families of values, sorted by name."""
    families: dict[str, Metric] = {}
    for kind, values in totals.values.items():
        # One after the other: so many tuples at once would keep the garbage collector busy.
        parsed = ((keys.parse(key), value) for key, value in values.items())
        if kind == "histogram":
            _add_histograms(families, parsed, totals.exemplars)
        else:
            _add_plain(families, kind, parsed)
    return [families[name] for name in sorted(families)]


def _add_histograms(
    families: dict[str, Metric],
    parsed: Iterable[tuple[SampleKey, float]],
    exemplars: Mapping[bytes, Exemplar],
) -> None:
    groups: dict[tuple[str, _Labels], _Histogram] = {}
    for key, value in parsed:
        if _family(families, key, "histogram") is not None:
            group = groups.setdefault((key.metric, key.labels), _Histogram())
            group.add(key, value, exemplars.get(key.raw))
    for (name, labels), group in groups.items():
        families[name].samples.extend(group.samples(name, dict(labels)))


def _add_plain(
    families: dict[str, Metric], kind: str, parsed: Iterable[tuple[SampleKey, float]]
) -> None:
    merge = MERGE[kind]
    merged: dict[tuple[str, str], dict[_Labels, float]] = {}
    for key, value in parsed:
        if _family(families, key, kind.partition("_")[0]) is not None:
            # Different versions may write one series under keys with different help texts.
            of_sample = merged.setdefault((key.metric, key.sample), {})
            known = of_sample.get(key.labels)
            of_sample[key.labels] = value if known is None else merge(known, value)
    for (metric, name), of_sample in merged.items():
        samples = families[metric].samples
        samples += [Sample(name, dict(labels), value) for labels, value in of_sample.items()]


def _family(families: dict[str, Metric], key: SampleKey, kind: str) -> Metric | None:
    """Return the family of a sample; None if another kind already has its name."""
    family = families.get(key.metric)
    if family is None:
        family = families[key.metric] = Metric(key.metric, key.help, kind)
    return family if family.type == kind else None


@dataclass(slots=True)
class _Histogram:
    """One histogram of a family: files count per bucket, Prometheus cumulatively."""

    total: float = 0.0
    buckets: dict[float, float] = field(default_factory=dict)
    exemplars: dict[float, Exemplar] = field(default_factory=dict)

    def add(self, key: SampleKey, value: float, exemplar: Exemplar | None) -> None:
        if key.bound is None:
            self.total += value
            return
        self.buckets[key.bound] = self.buckets.get(key.bound, 0.0) + value
        if exemplar is not None:
            self.exemplars[key.bound] = exemplar

    def samples(self, name: str, labels: dict[str, str]) -> Iterable[Sample]:
        count = 0.0
        for bound in sorted(self.buckets):
            count += self.buckets[bound]
            le = floatToGoString(bound)  # type: ignore[no-untyped-call] # the library has no types
            yield Sample(
                f"{name}_bucket",
                {**labels, "le": le},
                count,
                None,
                _served(self.exemplars.get(bound)),
            )
        yield Sample(f"{name}_count", labels, count)
        yield Sample(f"{name}_sum", labels, self.total)


def _served(exemplar: Exemplar | None) -> ServedExemplar | None:
    if exemplar is None:
        return None
    return ServedExemplar({"trace_id": exemplar.trace_id}, exemplar.value, exemplar.time)
