"""The sketch: percentiles within 1 %, merged or not."""

from __future__ import annotations

import math

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from canvas_sync_core.sketch import Sketch

DURATIONS = st.lists(st.floats(0, 1e9, allow_subnormal=False), min_size=1, max_size=200)


def sketch_of(values: list[float]) -> Sketch:
    sketch = Sketch()
    sketch.add(values)
    return sketch


def exact(values: list[float], share: float) -> float:
    """The quantile by nearest rank."""
    return sorted(values)[max(1, math.ceil(share * len(values))) - 1]


@given(DURATIONS, st.sampled_from([0.0, 0.5, 0.95, 0.99, 1.0]))
def test_a_quantile_is_within_one_percent_of_the_exact_one(
    values: list[float], share: float
) -> None:
    assert sketch_of(values).quantile(share) == pytest.approx(
        exact(values, share), rel=0.01, abs=1e-9
    )


@given(DURATIONS)
def test_count_average_and_largest_are_exact(values: list[float]) -> None:
    sketch = sketch_of(values)
    assert sketch.count == len(values)
    assert sketch.average == pytest.approx(sum(values) / len(values), rel=1e-9, abs=1e-9)
    assert sketch.quantile(1.0) == max((each for each in values if each >= 1e-9), default=0.0)


@given(st.lists(DURATIONS, min_size=1, max_size=5))
def test_merging_is_the_same_as_counting_all_values_in_one(parts: list[list[float]]) -> None:
    merged = Sketch()
    for part in parts:
        merged.merge(sketch_of(part))
    whole = sketch_of([value for part in parts for value in part])
    assert merged.buckets == whole.buckets
    assert (merged.count, merged.zeros, merged.largest) == (
        whole.count,
        whole.zeros,
        whole.largest,
    )


@given(DURATIONS, st.sampled_from([-1.0, 0.0, 1e-12, 0.25, 1e9, 1e101]), st.integers(0, 50))
def test_a_repeated_value_counts_as_if_it_were_added_that_often(
    values: list[float], value: float, times: int
) -> None:
    repeated, added = sketch_of(values), sketch_of(values)
    repeated.add_repeated(value, times)
    added.add([value] * times)
    assert (repeated.count, repeated.zeros, repeated.largest, repeated.buckets) == (
        *(added.count, added.zeros, added.largest, added.buckets),
    )
    assert repeated.total == pytest.approx(added.total)


@given(DURATIONS)
def test_a_sketch_survives_being_stored(values: list[float]) -> None:
    sketch = sketch_of(values)
    assert msgspec.msgpack.decode(msgspec.msgpack.encode(sketch), type=Sketch) == sketch


def test_an_empty_sketch_has_no_figures() -> None:
    assert (Sketch().average, Sketch().quantile(0.5)) == (None, None)


def test_a_million_values_take_a_few_kilobytes() -> None:
    values = [1.001**number for number in range(-10_000, 10_000)] * 50
    assert len(msgspec.msgpack.encode(sketch_of(values))) < 10_000
