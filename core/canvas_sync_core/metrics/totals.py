"""The values of several metric files, added up."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final

from canvas_sync_core.schema.metrics import PER_PROCESS

from .layout import Exemplar
from .sample_keys import SampleKey

__all__ = ["LIVE_KINDS", "MERGE", "PER_PROCESS_KIND", "MetricTotals"]

PER_PROCESS_KIND: Final = f"gauge_{PER_PROCESS}"
"""Kind of files that are not added up: each process is served apart."""

LIVE_KINDS: Final = frozenset({"gauge_livesum", "gauge_livemin", PER_PROCESS_KIND})
"""Kinds of files that are meaningless once their process has ended."""


def _add(one: float, other: float) -> float:
    return one + other


MERGE: Final[dict[str, Callable[[float, float], float]]] = {
    "counter": _add,
    "histogram": _add,
    "gauge_livesum": _add,
    "gauge_livemin": min,
    "gauge_max": max,
}
"""Kind of file -> how the values of two processes become one."""


@dataclass(slots=True)
class MetricTotals:
    """The combined values of several processes.

    Attributes:
        values: Kind of file -> key of the sample -> value.
        exemplars: Key of a histogram bucket -> its newest exemplar.
    """

    values: dict[str, dict[SampleKey, float]] = field(default_factory=dict)
    exemplars: dict[SampleKey, Exemplar] = field(default_factory=dict)

    def merge(self, kind: str, keys: Iterable[SampleKey], values: Iterable[float]) -> None:
        """Add the values of one file; unset ones (NaN) are ignored."""
        totals, merge = self.values.setdefault(kind, {}), MERGE[kind]
        for key, value in zip(keys, values, strict=True):
            if not math.isnan(value):
                known = totals.get(key)
                totals[key] = value if known is None else merge(known, value)

    def merge_exemplars(self, exemplars: Mapping[SampleKey, Exemplar]) -> None:
        """Add the exemplars of one process; the newest of each bucket is kept."""
        for key, exemplar in exemplars.items():
            known = self.exemplars.get(key)
            if known is None or known.time < exemplar.time:
                self.exemplars[key] = exemplar
