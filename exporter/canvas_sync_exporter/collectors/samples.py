"""Converts the values of metric files to metric families.

Which series there are hardly changes between scrapes. So their families, order and labels are
worked out once for each kind of file, as its layout; a scrape only looks up values.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import reduce
from typing import Protocol

from prometheus_client.samples import Exemplar as ServedExemplar
from prometheus_client.utils import floatToGoString

from canvas_sync_core.metrics import Exemplar
from canvas_sync_core.metrics.sample_keys import SampleKey, SampleKeys
from canvas_sync_core.metrics.totals import MERGE, Totals

from .series import Labels, Series, SeriesFamily

__all__ = ["FamilyBuilder"]

_Values = Mapping[bytes, float]


class FamilyBuilder:
    """Builds metric families of the values of metric files.

    Args:
        keys: Parses the keys of the values.
    """

    def __init__(self, keys: SampleKeys) -> None:
        self._keys = keys
        self._layouts: dict[str, _Layout] = {}

    def families(self, totals: Totals) -> list[SeriesFamily]:
        """Build the families of ``totals``, sorted by name."""
        families: dict[str, SeriesFamily] = {}
        for kind, values in totals.values.items():
            for part in self._layout(kind, values).parts.values():
                family = families.get(part.metric)
                if family is None:
                    family = SeriesFamily(part.metric, part.help, part.type)
                    families[part.metric] = family
                if family.type == part.type:  # otherwise, another kind already has its name
                    part.add_to(family, values, totals.exemplars)
        return [families[name] for name in sorted(families)]

    def _layout(self, kind: str, values: _Values) -> _Layout:
        layout = self._layouts.get(kind)
        if layout is None or layout.keys != list(values):
            layout = self._layouts[kind] = _Layout(kind, map(self._keys.parse, values))
        return layout


class _Part(Protocol):
    """The series of one family in one kind of file."""

    metric: str
    help: str
    type: str

    def add(self, key: SampleKey) -> None:
        """Add a key."""

    def finish(self) -> None:
        """Work out the order of the series; all keys are known."""

    def add_to(
        self, family: SeriesFamily, values: _Values, exemplars: Mapping[bytes, Exemplar]
    ) -> None:
        """Add the series with their values to a family."""


class _Layout:
    """The families of one kind of file, for as long as it has the same keys."""

    def __init__(self, kind: str, keys: Iterable[SampleKey]) -> None:
        self.keys: list[bytes] = []
        self.parts: dict[str, _Part] = {}
        for key in keys:
            self.keys.append(key.raw)
            part = self.parts.get(key.metric)
            if part is None:
                made = _Histograms if kind == "histogram" else _Plain
                part = self.parts[key.metric] = made(key.metric, key.help, kind)
            part.add(key)
        for part in self.parts.values():
            part.finish()


class _Plain:
    """Counters or gauges.

    Different versions may write one series under keys with different help texts, so a series may
    have several keys.
    """

    def __init__(self, metric: str, help_text: str, kind: str) -> None:
        self.metric = metric
        self.help = help_text
        self.type = kind.partition("_")[0]
        self._merge = MERGE[kind]
        self._keys: dict[str, dict[Labels, tuple[bytes, ...]]] = {}
        self._series: list[Series] = []
        self._sources: list[tuple[bytes, ...]] = []
        self._names: frozenset[str] = frozenset()

    def add(self, key: SampleKey) -> None:
        of_name = self._keys.setdefault(key.sample, {})
        of_name[key.labels] = (*of_name.get(key.labels, ()), key.raw)

    def finish(self) -> None:
        for name, of_name in self._keys.items():
            self._series += [Series.of(name, labels) for labels in of_name]
            self._sources += of_name.values()
        self._names = frozenset(self._keys)
        self._keys.clear()

    def add_to(
        self, family: SeriesFamily, values: _Values, _exemplars: Mapping[bytes, Exemplar]
    ) -> None:
        family.sample_names |= self._names
        family.series += self._series
        for sources in self._sources:
            value = values[sources[0]]
            if len(sources) > 1:
                value = reduce(self._merge, map(values.__getitem__, sources))
            family.values.append(value)


@dataclass(slots=True)
class _Histogram:
    """The keys of one histogram: of its sum, and of each of its buckets."""

    sums: tuple[bytes, ...] = ()
    buckets: dict[float, tuple[bytes, ...]] = field(default_factory=dict)


class _Histograms:
    """Histograms: files count per bucket, Prometheus cumulatively."""

    def __init__(self, metric: str, help_text: str, kind: str) -> None:
        self.metric = metric
        self.help = help_text
        self.type = kind
        self._groups: dict[Labels, _Histogram] = {}
        self._series: list[Series] = []
        self._positions: dict[bytes, int] = {}
        self._names = (f"{metric}_bucket", f"{metric}_count", f"{metric}_sum")

    def add(self, key: SampleKey) -> None:
        group = self._groups.setdefault(key.labels, _Histogram())
        if key.bound is None:
            group.sums += (key.raw,)
        else:
            group.buckets[key.bound] = (*group.buckets.get(key.bound, ()), key.raw)

    def finish(self) -> None:
        bucket_name, count_name, sum_name = self._names
        for labels, group in self._groups.items():
            group.buckets = {bound: group.buckets[bound] for bound in sorted(group.buckets)}
            for bound, sources in group.buckets.items():
                self._positions |= dict.fromkeys(sources, len(self._series))
                le = floatToGoString(bound)  # type: ignore[no-untyped-call] # it has no types
                self._series.append(Series.of(bucket_name, labels, le))
            self._series.append(Series.of(count_name, labels))
            self._series.append(Series.of(sum_name, labels))

    def add_to(
        self, family: SeriesFamily, values: _Values, exemplars: Mapping[bytes, Exemplar]
    ) -> None:
        start = len(family.series)
        family.sample_names.update(self._names)
        family.series += self._series
        add = family.values.append
        for group in self._groups.values():
            count = 0.0
            for sources in group.buckets.values():
                for key in sources:
                    count += values[key]
                add(count)
            add(count)
            add(sum(values[key] for key in group.sums))
        for key, exemplar in exemplars.items():
            position = self._positions.get(key)
            if position is not None:
                family.exemplars[start + position] = _served(exemplar)


def _served(exemplar: Exemplar) -> ServedExemplar:
    return ServedExemplar({"trace_id": exemplar.trace_id}, exemplar.value, exemplar.time)
