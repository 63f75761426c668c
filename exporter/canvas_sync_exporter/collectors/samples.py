"""Converts keys and values of metric files to metric families."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final

import msgspec
from prometheus_client.metrics_core import Metric
from prometheus_client.samples import Exemplar as ServedExemplar
from prometheus_client.samples import Sample
from prometheus_client.utils import floatToGoString

from canvas_sync_core.metrics import BrokenFileError, Exemplar
from canvas_sync_core.schema.metrics import PER_PROCESS

__all__ = ["LIVE_KINDS", "PER_PROCESS_KIND", "SampleKey", "SampleKeys", "Totals"]

PER_PROCESS_KIND: Final = f"gauge_{PER_PROCESS}"
"""Kind of files that are not aggregated here; :mod:`.tokens` reads them."""

LIVE_KINDS: Final = frozenset({"gauge_livesum", "gauge_livemin", PER_PROCESS_KIND})
"""Kinds of files that are meaningless once their process has ended."""

_NAME: Final = re.compile(r"[a-zA-Z_][a-zA-Z0-9_]*")
_Labels = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class SampleKey:
    """A parsed key.

    Attributes:
        raw: The key itself.
        metric: Name of the family.
        sample: Name of the sample.
        labels: Sorted, without ``le``.
        bound: The bucket's upper bound; None for anything but a bucket.
    """

    raw: bytes
    metric: str
    sample: str
    labels: _Labels
    bound: float | None
    help: str


class SampleKeys:
    """Parses keys, each once."""

    def __init__(self) -> None:
        self._parsed: dict[bytes, SampleKey] = {}

    def parse(self, key: bytes) -> SampleKey:
        """Parse a key.

        Raises:
            BrokenFileError: It is not the key of a sample.
        """
        parsed = self._parsed.get(key)
        if parsed is None:
            parsed = self._parsed[key] = _parse(key)
        return parsed


def _parse(key: bytes) -> SampleKey:
    try:
        metric, sample, labels, text = msgspec.json.decode(
            key, type=tuple[str, str, dict[str, str], str]
        )
        bound = labels.pop("le", None)
        parsed = SampleKey(
            raw=key,
            metric=metric,
            sample=sample,
            labels=tuple(sorted(labels.items())),
            bound=None if bound is None else float(bound),
            help=text,
        )
    except (msgspec.DecodeError, ValueError) as error:
        raise BrokenFileError(f"{key[:80]!r} is no key of a sample: {error}") from error
    if not all(_NAME.fullmatch(name) for name in (metric, sample, *labels)):
        raise BrokenFileError(f"{key[:80]!r} has a name that Prometheus does not take")
    return parsed


def _add(one: float, other: float) -> float:
    return one + other


_MERGE: Final[dict[str, Callable[[float, float], float]]] = {
    "counter": _add,
    "histogram": _add,
    "gauge_livesum": _add,
    "gauge_livemin": min,
    "gauge_max": max,
}


@dataclass(slots=True)
class Totals:
    """The combined values of several processes.

    Attributes:
        values: Kind of file -> key of the sample -> value.
        exemplars: Key of a histogram bucket -> its newest exemplar.
    """

    values: dict[str, dict[bytes, float]] = field(default_factory=dict)
    exemplars: dict[bytes, Exemplar] = field(default_factory=dict)

    def merge(self, kind: str, keys: Iterable[bytes], values: Iterable[float]) -> None:
        """Add the values of one file; unset ones (NaN) are ignored."""
        totals, merge = self.values.setdefault(kind, {}), _MERGE[kind]
        for key, value in zip(keys, values, strict=True):
            if not math.isnan(value):
                known = totals.get(key)
                totals[key] = value if known is None else merge(known, value)

    def merge_exemplars(self, exemplars: Mapping[bytes, Exemplar]) -> None:
        """Add the exemplars of one process; the newest of each bucket is kept."""
        for key, exemplar in exemplars.items():
            known = self.exemplars.get(key)
            if known is None or known.time < exemplar.time:
                self.exemplars[key] = exemplar

    def families(self, keys: SampleKeys) -> list[Metric]:
        """Build metric families, sorted by name."""
        families: dict[str, Metric] = {}
        for kind, values in self.values.items():
            parsed = [(keys.parse(key), value) for key, value in values.items()]
            if kind == "histogram":
                self._add_histograms(families, parsed)
            else:
                _add_plain(families, kind, parsed)
        return [families[name] for name in sorted(families)]

    def _add_histograms(
        self, families: dict[str, Metric], parsed: Iterable[tuple[SampleKey, float]]
    ) -> None:
        groups: dict[tuple[str, _Labels], _Histogram] = {}
        for key, value in parsed:
            if _family(families, key, "histogram") is not None:
                group = groups.setdefault((key.metric, key.labels), _Histogram())
                group.add(key, value, self.exemplars.get(key.raw))
        for (name, labels), group in groups.items():
            families[name].samples.extend(group.samples(name, dict(labels)))


def _add_plain(
    families: dict[str, Metric], kind: str, parsed: Iterable[tuple[SampleKey, float]]
) -> None:
    merge = _MERGE[kind]
    merged: dict[tuple[str, str, _Labels], float] = {}
    for key, value in parsed:
        if _family(families, key, kind.partition("_")[0]) is not None:
            # Different versions may write one series under keys with different help texts.
            identity = (key.metric, key.sample, key.labels)
            merged[identity] = merge(merged[identity], value) if identity in merged else value
    for (metric, name, labels), value in merged.items():
        families[metric].samples.append(Sample(name, dict(labels), value))


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
