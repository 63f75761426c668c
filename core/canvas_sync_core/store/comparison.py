"""Finds what is unusual about a run, compared with the last ones of its kind. Pure functions.

The last 20 runs define what is usual, once there are three; :mod:`.outliers` decides what is an
outlier. Suspect runs do not count as usual, unless half of the last runs were suspect.

Syncs follow daily and weekly patterns. An outlier among the last runs is not an anomaly if it
is usual at that time of the day or week. After a longer gap than usual, such as a weekend, there is
more to do, so more items, more calls and a longer duration are not anomalies.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property
from itertools import pairwise
from operator import attrgetter
from statistics import median
from typing import Final

from canvas_sync_core.wording import counted

from .outliers import FEWEST_VALUES, Usual

__all__ = ["HISTORY_RUNS", "Anomaly", "Measures", "anomalies", "same_time_windows"]

HISTORY_RUNS: Final = 20
_SECONDS_FLOOR_BELOW: Final = 2.0
_SECONDS_FLOOR_ABOVE: Final = 10.0
_ITEM_FLOOR_BELOW: Final = 3.0
_ITEM_FLOOR_ABOVE: Final = 10.0
_MANY_TIMES: Final = 3.0
"""More items than usual are less alarming than fewer, and have a longer tail."""
_CALL_FLOOR: Final = 5.0
"""Tolerance in calls: a single item more or less may change the number of pages."""
_LONG_GAP: Final = 2.5
_DAY: Final = timedelta(days=1)
_WEEK: Final = timedelta(days=7)
_TOLERANCE: Final = timedelta(hours=1, minutes=1)
"""An hour: when clocks change, the same local time is an hour off."""
_SAME_TIMES: Final = (*(number * _DAY for number in range(1, 8)), 2 * _WEEK, 3 * _WEEK, 4 * _WEEK)


@dataclass(frozen=True, slots=True)
class Measures:
    """The values by which runs are compared.

    Attributes:
        items: Items handled.
        duration: In seconds.
        api_calls: Calls of the Canvas API.
        api_items: Items in the lists that Canvas sent; None when unknown, as is ``api_bytes``.
        start: When the run started; None leaves time out of the comparison.
        is_suspect: Whether the run itself was suspect.
    """

    items: int
    duration: float
    api_calls: int = 0
    api_items: int | None = None
    api_bytes: int | None = None
    start: datetime | None = None
    is_suspect: bool = False

    @property
    def unexplained_bytes(self) -> int | None:
        """The bytes that Canvas sent, if it is not known in how many items."""
        return self.api_bytes if self.api_items is None else None

    @property
    def bytes_per_item(self) -> float | None:
        """The bytes for each item that Canvas sent; None if there were none, or it is unknown.

        Fewer items mean fewer bytes; that alone is not a second reason to suspect a run.
        """
        if self.api_bytes is None or not self.api_items:
            return None
        return self.api_bytes / self.api_items


@dataclass(frozen=True, slots=True)
class Anomaly:
    """Something unusual about a run.

    Attributes:
        reason: One of :data:`~canvas_sync_core.names.SUSPECT_REASONS`.
        text: The same with numbers.
    """

    reason: str
    text: str


@dataclass(frozen=True, slots=True)
class _Quantity:
    """One measure: how to read it, the reason for too little of it, and its wording.

    Attributes:
        noun: What it counts; None for seconds.
        rest: The words behind that.
    """

    value: Callable[[Measures], float | None]
    few: str
    noun: str | None
    floor: float
    is_count: bool = True
    rest: str = ""

    def worded(self, value: float) -> str:
        """Return a value in words, such as ``12 items received``."""
        if self.noun is None:
            return f"{value:.1f} s"
        return f"{counted(round(value), self.noun)}{self.rest}"

    def usual(self, value: float) -> str:
        """Return a usual value without the noun, as in ``1,048 are usual``."""
        return f"{value:.1f} s" if self.noun is None else f"{value:,.0f}"


_QUANTITIES: Final = (
    _Quantity(attrgetter("items"), "few_items", "item", _ITEM_FLOOR_BELOW),
    _Quantity(attrgetter("api_calls"), "few_calls", "API call", _CALL_FLOOR),
    _Quantity(attrgetter("api_items"), "few_received", "item", _ITEM_FLOOR_BELOW, rest=" received"),
    _Quantity(
        attrgetter("unexplained_bytes"),
        "few_bytes",
        "byte",
        1000.0,
        is_count=False,
        rest=" received",
    ),
    _Quantity(
        attrgetter("bytes_per_item"),
        "few_bytes",
        "byte",
        10.0,
        is_count=False,
        rest=" for each item received",
    ),
    _Quantity(attrgetter("duration"), "fast", None, _SECONDS_FLOOR_BELOW, is_count=False),
)


def anomalies(run: Measures, earlier: Sequence[Measures]) -> list[Anomaly]:
    """Return what is unusual about a run.

    Args:
        run: The run.
        earlier: Successful runs of the same kind before it, in any order: the last 20, and those
            in :func:`same_time_windows`.
    """
    newest = sorted(earlier, key=_start_key, reverse=True)[:HISTORY_RUNS]
    groups = _Groups(run, newest, earlier)
    if len(groups.last) < FEWEST_VALUES:
        return []
    found = [anomaly for each in _QUANTITIES if (anomaly := _too_little(run, groups, each))]
    too_much = list(_too_much(run, groups))
    if too_much and not _is_after_gap(run, newest):
        found += too_much
    return found


def same_time_windows(start: datetime) -> list[tuple[datetime, datetime]]:
    """Return when to look for runs at the same time of the day and week, newest first."""
    return [(start - each - _TOLERANCE, start - each + _TOLERANCE) for each in _SAME_TIMES]


class _Groups:
    """The runs that define what is usual: the last ones, then those at the same time.

    Most runs are usual among the last ones, so the others are only looked for when needed.
    """

    def __init__(
        self, run: Measures, newest: Sequence[Measures], earlier: Sequence[Measures]
    ) -> None:
        self._run = run
        self._earlier = earlier
        self.last = _without_suspect(newest)

    @cached_property
    def _at_same_time(self) -> Sequence[Sequence[Measures]]:
        return [_without_suspect(each) for each in _at_same_time(self._run, self._earlier)]

    def usual(
        self, value: Callable[[Measures], float | None], *, is_count: bool
    ) -> Iterator[Usual]:
        """Yield the usual values of each large enough group; none if the first is too small."""
        known = _values(self.last, value)
        if len(known) < FEWEST_VALUES:
            return
        yield Usual(known, is_count)
        for group in self._at_same_time:
            known = _values(group, value)
            if len(known) >= FEWEST_VALUES:
                yield Usual(known, is_count)


def _too_little(run: Measures, groups: _Groups, quantity: _Quantity) -> Anomaly | None:
    value = quantity.value(run)
    if value is None:
        return None

    def is_far(usual: Usual) -> bool:
        return usual.is_far_below(value, quantity.floor)

    usual = _usual_elsewhere(groups.usual(quantity.value, is_count=quantity.is_count), is_far)
    if usual is None:
        return None
    text = f"{quantity.worded(value)} where {quantity.usual(usual.middle)} are usual"
    return Anomaly(quantity.few, f"{quantity.few}: {text}")


def _too_much(run: Measures, groups: _Groups) -> Iterator[Anomaly]:
    usual = _usual_elsewhere(
        groups.usual(attrgetter("items"), is_count=True),
        lambda each: each.is_far_above(run.items, _ITEM_FLOOR_ABOVE, _MANY_TIMES),
    )
    if usual is not None:
        text = f"{counted(run.items, 'item')} where {usual.middle:,.0f} are usual"
        yield Anomaly("many_items", f"many_items: {text}")
    # More work takes longer, so only the part of the duration that it does not explain counts.
    duration = run.duration / _extra_work(run, groups.last)
    usual = _usual_elsewhere(
        groups.usual(attrgetter("duration"), is_count=False),
        lambda each: each.is_far_above(duration, _SECONDS_FLOOR_ABOVE),
    )
    if usual is not None:
        text = f"{run.duration:.1f} s where {usual.middle:.1f} s are usual"
        yield Anomaly("slow", f"slow: {text}")


def _usual_elsewhere(groups: Iterable[Usual], is_far: Callable[[Usual], bool]) -> Usual | None:
    """Return the first usual values if a value is far from those of all groups."""
    first: Usual | None = None
    for each in groups:
        if not is_far(each):
            return None
        first = first or each
    return first


def _extra_work(run: Measures, usual: Sequence[Measures]) -> float:
    """Return how many times as much as usual the run handled, at least 1."""
    items = median(each.items for each in usual)
    calls = median(each.api_calls for each in usual)
    return max(1.0, run.items / items if items else 1.0, run.api_calls / calls if calls else 1.0)


def _values(runs: Iterable[Measures], value: Callable[[Measures], float | None]) -> Sequence[float]:
    return [found for each in runs if (found := value(each)) is not None]


def _at_same_time(run: Measures, earlier: Sequence[Measures]) -> Iterator[list[Measures]]:
    """Group the earlier runs at the same time of the day, and at the same time of the week."""
    start = run.start
    if start is None:
        return
    for period in (_DAY, _WEEK):
        yield [each for each in earlier if _is_same_time(start, each.start, period)]


def _is_same_time(start: datetime, other: datetime | None, period: timedelta) -> bool:
    if other is None or start - other < _DAY - _TOLERANCE:
        return False
    apart = (start - other) % period
    return min(apart, period - apart) <= _TOLERANCE


def _without_suspect(runs: Sequence[Measures]) -> Sequence[Measures]:
    normal = [run for run in runs if not run.is_suspect]
    return normal if 2 * len(normal) > len(runs) else runs


def _is_after_gap(run: Measures, newest: Sequence[Measures]) -> bool:
    """Return whether more time than usual has passed since the previous run."""
    starts = [each.start for each in newest if each.start is not None]
    if run.start is None or len(starts) < FEWEST_VALUES:
        return False
    gaps = [(later - before).total_seconds() for later, before in pairwise(starts)]
    return (run.start - starts[0]).total_seconds() > _LONG_GAP * median(gaps)


def _start_key(run: Measures) -> tuple[bool, float]:
    return (run.start is not None, run.start.timestamp() if run.start else 0.0)
