"""Figures of runs, as reports need them. Pure functions."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Final

from canvas_sync_core.names import ITEMS, RunStatus
from canvas_sync_core.schema.run_fields import item_column
from canvas_sync_core.sketch import Sketch
from canvas_sync_core.store.rollups.aggregates import SUMMED, Aggregate, Group, Groups, merge
from canvas_sync_exporter.messages.content import Status

__all__ = [
    "FAILURES",
    "QUANTILE_NOISE",
    "Counts",
    "Figures",
    "by_sync_type",
    "counts_by_sync_type",
    "merged",
    "status_of_share",
    "total_counts",
    "total_figures",
]

FAILURES: Final = (RunStatus.FAILED, RunStatus.PARTIAL, RunStatus.INTERRUPTED)
"""The statuses of runs that did not do all of their work."""

QUANTILE_NOISE: Final = 0.03
"""Quantiles are within 1 %, so that smaller changes mean nothing."""

_PROCESSED: Final = tuple(SUMMED.index(item_column(item, "processed")) for item in ITEMS)
_GOOD_SHARE: Final = 0.99
_BAD_SHARE: Final = 0.5


def status_of_share(share: float | None) -> Status:
    """Return how good a success rate is."""
    if share is None:
        return Status.NEUTRAL
    if share >= _GOOD_SHARE:
        return Status.GOOD
    return Status.WARNING if share >= _BAD_SHARE else Status.CRITICAL


@dataclass(frozen=True, slots=True)
class Counts:
    """Number of ended runs by status."""

    by_status: Mapping[str, int]

    @property
    def runs(self) -> int:
        """All ended runs."""
        return sum(self.by_status.values())

    @property
    def succeeded(self) -> int:
        """Those that did all of their work."""
        return self.by_status.get(RunStatus.SUCCESS, 0)

    @property
    def failures(self) -> int:
        """Those with one of the statuses :data:`FAILURES`."""
        return sum(self.by_status.get(status, 0) for status in FAILURES)

    @property
    def success_rate(self) -> float | None:
        """Share of successes among the ended runs, 0 to 1; None if none has ended."""
        return self.succeeded / self.runs if self.runs else None


class Figures:
    """Figures of the ended runs of a period, of one sync type or of all.

    Args:
        by_status: The aggregate of the runs with each status.
    """

    def __init__(self, by_status: Mapping[str, Aggregate]) -> None:
        self._by_status = by_status
        self.counts = Counts({status: each.runs for status, each in by_status.items()})

    @property
    def items(self) -> int:
        """Items that the runs handled."""
        return sum(self._sums[place] for place in _PROCESSED)

    @property
    def durations(self) -> Sketch:
        """Durations in seconds of the runs that succeeded: a failure may take any time."""
        return self._of_successes.measures["duration"]

    @property
    def newest(self) -> dict[str, datetime]:
        """When items of each kind last arrived by a run that succeeded."""
        return {
            item: time
            for item, time in zip(ITEMS, self._of_successes.newest, strict=True)
            if time is not None
        }

    def sum_of(self, column: str) -> int:
        """Return the sum of a column over all runs."""
        return self._sums[SUMMED.index(column)]

    def measure(self, name: str) -> Sketch:
        """Return the distribution of a measure over all runs."""
        return self._all.measures[name]

    @cached_property
    def _all(self) -> Aggregate:
        whole = Aggregate()
        for each in self._by_status.values():
            whole.merge(each)
        return whole

    @property
    def _sums(self) -> list[int]:
        return self._all.sums

    @property
    def _of_successes(self) -> Aggregate:
        return self._by_status.get(RunStatus.SUCCESS) or Aggregate()


def by_sync_type(groups: Groups) -> dict[str, Figures]:
    """Return the figures of each sync type."""
    found: dict[str, dict[str, Aggregate]] = {}
    for (sync_type, status), aggregate in groups.items():
        found.setdefault(sync_type, {})[status] = aggregate
    return {name: Figures(by_status) for name, by_status in sorted(found.items())}


def total_figures(groups: Groups) -> Figures:
    """Return the figures of all sync types together."""
    whole: dict[str, Aggregate] = {}
    for (_, status), aggregate in groups.items():
        whole.setdefault(status, Aggregate()).merge(aggregate)
    return Figures(whole)


def counts_by_sync_type(counts: Mapping[Group, int]) -> dict[str, Counts]:
    """Return the counts of each sync type."""
    found: dict[str, Counter[str]] = {}
    for (sync_type, status), number in counts.items():
        found.setdefault(sync_type, Counter())[status] += number
    return {name: Counts(by_status) for name, by_status in sorted(found.items())}


def total_counts(counts: Mapping[Group, int]) -> Counts:
    """Return the counts of all sync types together."""
    whole: Counter[str] = Counter()
    for (_, status), number in counts.items():
        whole[status] += number
    return Counts(whole)


def merged(parts: Iterable[Groups]) -> Groups:
    """Add up the aggregates of several periods."""
    whole: Groups = {}
    for groups in parts:
        merge(whole, groups)
    return whole
