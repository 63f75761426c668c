"""Totals over many runs, in the form in which answers need them."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property

from canvas_sync_core.names import RunStatus
from canvas_sync_core.sketch import Sketch
from canvas_sync_core.store.statistics import NO_VALUES, Statistics

from .aggregates import MEASURES, SUMMED, Groups, later

__all__ = ["RollupTotals", "sketch_statistics"]


@dataclass(eq=False)
class RollupTotals:
    """Counts, sums and sketches of runs of all sync types and statuses.

    Two objects are never equal, so that the cache compares long tuples of them quickly.

    Attributes:
        runs: Number of runs, by sync type and then status.
        sums: Sum of each column of :data:`~.aggregates.SUMMED`, in its order.
        measures: Sketch of each of :data:`~.aggregates.MEASURES`.
        newest: Latest end of a successful run that handled each item, by sync type.
    """

    runs: dict[str, Counter[str]] = field(default_factory=dict)
    sums: list[int] = field(default_factory=lambda: [0] * len(SUMMED))
    measures: dict[str, Sketch] = field(
        default_factory=lambda: {name: Sketch() for name in MEASURES}
    )
    newest: dict[str, list[datetime | None]] = field(default_factory=dict)

    @property
    def is_empty(self) -> bool:
        """Whether nothing was measured."""
        return not any(sketch.count for sketch in self.measures.values())

    @cached_property
    def statistics(self) -> dict[str, Statistics]:
        """Statistics of each measure; computed once, so call it when nothing more is added."""
        return {name: sketch_statistics(sketch) for name, sketch in self.measures.items()}

    def copy(self) -> RollupTotals:
        """Return a copy to add to; totals in the cache are shared and must not change."""
        copy = RollupTotals()
        copy.add(self)
        return copy

    def add(self, other: RollupTotals) -> None:
        """Add the totals of other runs."""
        for sync_type, counts in other.runs.items():
            self.runs.setdefault(sync_type, Counter()).update(counts)
        self.sums = [one + another for one, another in zip(self.sums, other.sums, strict=True)]
        for name, sketch in other.measures.items():
            self.measures[name].merge(sketch)
        for sync_type, ends in other.newest.items():
            known = self.newest.get(sync_type, ends)
            self.newest[sync_type] = list(map(later, known, ends))

    def add_groups(self, groups: Groups) -> None:
        """Add aggregates of runs by sync type and status."""
        for (sync_type, status), aggregate in groups.items():
            runs = {sync_type: Counter({status: aggregate.runs})}
            newest = {sync_type: aggregate.newest} if status == RunStatus.SUCCESS else {}
            self.add(RollupTotals(runs, aggregate.sums, aggregate.measures, newest))


def sketch_statistics(sketch: Sketch) -> Statistics:
    """Compute count, average, percentiles and maximum from a sketch."""
    if not sketch.count:
        return NO_VALUES
    p50, p95, p99 = (sketch.quantile(share) for share in (0.5, 0.95, 0.99))
    return Statistics(
        count=sketch.count, average=sketch.average, p50=p50, p95=p95, p99=p99, max=sketch.largest
    )
