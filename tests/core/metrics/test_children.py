"""A value counts in the bucket whose upper bound it does not exceed, with its trace if sampled."""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from canvas_sync_core.metrics.children import EXEMPLAR_SECONDS, Histogram, Memory
from canvas_sync_core.metrics.layout import SLOT_SIZE, read_exemplars
from canvas_sync_core.metrics.mapped import ExemplarFile

BOUNDS = (0.1, 1.0, 10.0)
TRACE = "ab" * 16


class Cells(Memory):
    """A store that a test can look into."""

    def __init__(self, bounds: Sequence[float]) -> None:
        super().__init__(len(bounds) + 2)

    @property
    def counts(self) -> list[float]:
        """How many values each bucket has, the one without a bound last."""
        return list(self.values)[1:]


def observed(*values: float) -> list[float]:
    histogram, cells = Histogram(BOUNDS), Cells(BOUNDS)
    histogram.move(cells, range(len(BOUNDS) + 2))
    for value in values:
        histogram.observe(value)
    assert cells.values[0] == pytest.approx(sum(values))
    return cells.counts


@pytest.mark.parametrize("bound", BOUNDS)
def test_a_value_at_a_bound_is_in_the_bucket_below(bound: float) -> None:
    """``le`` is "less than or equal"."""
    index = BOUNDS.index(bound)
    assert observed(bound)[index] == 1.0
    assert observed(math.nextafter(bound, math.inf))[index + 1] == 1.0


@given(st.lists(st.floats(0, 100), max_size=20))
def test_cumulative_counts_are_those_of_the_values_up_to_each_bound(values: list[float]) -> None:
    counts = observed(*values)
    for index, bound in enumerate(BOUNDS):
        assert sum(counts[: index + 1]) == sum(value <= bound for value in values)
    assert sum(counts) == len(values)


def test_a_bucket_keeps_the_trace_of_a_sampled_value_for_a_second(tmp_path: Path) -> None:
    file = ExemplarFile(tmp_path / "exemplars")
    histogram, cells = Histogram(BOUNDS), Cells(BOUNDS)
    histogram.attach(file, file.allocate(len(BOUNDS) + 1))
    histogram.move(cells, range(len(BOUNDS) + 2))
    for trace_id, value, time in (
        (None, 0.05, 100.0),
        (TRACE, 0.5, 100.0),
        ("cd" * 16, 0.6, 100.0 + EXEMPLAR_SECONDS / 2),
    ):
        histogram.observe(value, trace_id, time)
    ((cell, exemplar),) = read_exemplars((tmp_path / "exemplars").read_bytes()).items()
    assert cells.values[cell] == 2.0, "the cell of the bucket, which holds both values"
    assert (exemplar.trace_id, exemplar.value, exemplar.time) == (TRACE, 0.5, 100.0)
    histogram.observe(0.7, "ef" * 16, 100.0 + EXEMPLAR_SECONDS)
    (exemplar,) = read_exemplars((tmp_path / "exemplars").read_bytes()).values()
    assert exemplar.trace_id == "ef" * 16
    assert bisect_left(BOUNDS, 0.7) * SLOT_SIZE < (tmp_path / "exemplars").stat().st_size
