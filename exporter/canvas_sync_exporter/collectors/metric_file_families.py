"""Converts the values of metric files to metric families.

Which series there are hardly changes between scrapes. So their families, order and texts are
worked out once for each kind of file, as its layout; a scrape only looks up values by their
positions.
"""

from __future__ import annotations

from array import array
from collections.abc import Mapping, Sequence
from itertools import accumulate
from typing import Protocol

from prometheus_client.samples import Exemplar as ServedExemplar

from canvas_sync_core.metrics import Exemplar
from canvas_sync_core.metrics.sample_keys import SampleKey
from canvas_sync_core.metrics.totals import MERGE, MetricTotals

from .series import SeriesFamily, series_text

__all__ = ["MetricFileFamilies"]


class MetricFileFamilies:
    """Builds metric families of the values of metric files."""

    def __init__(self) -> None:
        self._layouts: dict[str, _Layout] = {}

    def build(self, totals: MetricTotals) -> list[SeriesFamily]:
        """Build the families of ``totals``, sorted by name."""
        families: dict[str, SeriesFamily] = {}
        for kind, values in totals.values.items():
            layout = self._layout(kind, list(values))
            numbers = layout.numbers(values)
            exemplars = layout.exemplars(totals.exemplars)
            for part in layout.parts.values():
                family = families.get(part.metric)
                if family is None:
                    family = SeriesFamily(part.metric, part.help, part.type)
                    families[part.metric] = family
                if family.type == part.type:  # otherwise, another kind already has its name
                    part.add_to(family, numbers, exemplars)
        return [families[name] for name in sorted(families)]

    def _layout(self, kind: str, keys: list[SampleKey]) -> _Layout:
        layout = self._layouts.get(kind)
        if layout is None or layout.keys != keys:
            layout = self._layouts[kind] = _Layout(kind, keys)
        return layout


_Exemplars = Mapping[SampleKey, Exemplar]
_Labels = tuple[tuple[str, str], ...]


class _Part(Protocol):
    """The series of one family in one kind of file."""

    metric: str
    help: str
    type: str

    def add(self, key: SampleKey, text: str, position: int) -> None:
        """Add a key, whose value is at a position."""

    def finish(self) -> None:
        """Work out the order of the series; all keys are known."""

    def add_to(self, family: SeriesFamily, numbers: Sequence[float], exemplars: _Exemplars) -> None:
        """Add the series with their values to a family."""


class _Layout:
    """The families of one kind of file, for as long as it has the same keys.

    Different versions may write one series under keys with different help texts; then the values of
    the later ones are merged into that of the first.
    """

    def __init__(self, kind: str, keys: list[SampleKey]) -> None:
        self.keys = keys
        self.parts: dict[str, _Part] = {}
        self._merge = MERGE[kind]
        self._further: list[tuple[int, int]] = []
        first_positions: dict[str, int] = {}
        for position, key in enumerate(keys):
            text = series_text(key.sample, key.labels, key.bound)
            first = first_positions.setdefault(text, position)
            if first == position:
                self._part(kind, key).add(key, text, position)
            else:
                self._further.append((first, position))
        for part in self.parts.values():
            part.finish()

    def _part(self, kind: str, key: SampleKey) -> _Part:
        part = self.parts.get(key.metric)
        if part is None:
            made = _Histograms if kind == "histogram" else _Plain
            part = self.parts[key.metric] = made(key.metric, key.help, kind)
        return part

    def numbers(self, values: Mapping[SampleKey, float]) -> list[float]:
        """Return the values in the order of the keys."""
        numbers = list(values.values())
        for first, position in self._further:
            numbers[first] = self._merge(numbers[first], numbers[position])
        return numbers

    def exemplars(self, exemplars: _Exemplars) -> _Exemplars:
        """Return the exemplars by the first key of their series."""
        found = dict(exemplars)
        for first, position in self._further:
            exemplar = found.pop(self.keys[position], None)
            if exemplar is not None:
                found[self.keys[first]] = exemplar
        return found


class _Plain:
    """Counters or gauges."""

    def __init__(self, metric: str, help_text: str, kind: str) -> None:
        self.metric = metric
        self.help = help_text
        self.type = kind.partition("_")[0]
        self._keys: list[SampleKey] = []
        self._texts: list[str] = []
        self._positions = array("I")
        self._names: frozenset[str] = frozenset()

    def add(self, key: SampleKey, text: str, position: int) -> None:
        self._keys.append(key)
        self._texts.append(text)
        self._positions.append(position)

    def finish(self) -> None:
        self._names = frozenset(key.sample for key in self._keys)

    def add_to(
        self, family: SeriesFamily, numbers: Sequence[float], _exemplars: _Exemplars
    ) -> None:
        family.sample_names |= self._names
        family.keys += self._keys
        family.texts += self._texts
        family.values += map(numbers.__getitem__, self._positions)


class _Histograms:
    """Histograms: files count per bucket, Prometheus cumulatively."""

    def __init__(self, metric: str, help_text: str, kind: str) -> None:
        self.metric = metric
        self.help = help_text
        self.type = kind
        self._added: dict[_Labels, list[tuple[SampleKey, str, int]]] = {}
        self._keys: list[SampleKey] = []
        self._texts: list[str] = []
        self._positions: list[tuple[array[int], int | None]] = []
        """Of the buckets of each histogram, in order, and of its sum."""

    def add(self, key: SampleKey, text: str, position: int) -> None:
        self._added.setdefault(key.labels, []).append((key, text, position))

    def finish(self) -> None:
        for labels, added in self._added.items():
            buckets = [each for each in added if each[0].bound is not None]
            buckets.sort(key=lambda each: each[0].bound or 0.0)
            sums = [position for key, _, position in added if key.bound is None]
            self._keys += [key for key, _, _ in buckets] + [added[0][0]] * 2
            self._texts += [text for _, text, _ in buckets]
            self._texts += [series_text(f"{self.metric}_{end}", labels) for end in ("count", "sum")]
            positions = array("I", [position for _, _, position in buckets])
            self._positions.append((positions, sums[0] if sums else None))
        self._added.clear()

    def add_to(self, family: SeriesFamily, numbers: Sequence[float], exemplars: _Exemplars) -> None:
        start = len(family.texts)
        family.sample_names |= {f"{self.metric}_{end}" for end in ("bucket", "count", "sum")}
        family.keys += self._keys
        family.texts += self._texts
        for buckets, sum_position in self._positions:
            counts = list(accumulate(map(numbers.__getitem__, buckets)))
            family.values += counts
            family.values.append(counts[-1] if counts else 0.0)
            family.values.append(0.0 if sum_position is None else numbers[sum_position])
        for position, key in enumerate(self._keys) if exemplars else ():
            if key in exemplars and family.texts[start + position].startswith(key.sample):
                family.exemplars[start + position] = _served(exemplars[key])


def _served(exemplar: Exemplar) -> ServedExemplar:
    return ServedExemplar({"trace_id": exemplar.trace_id}, exemplar.value, exemplar.time)
