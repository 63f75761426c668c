"""The values of several processes become one."""

from __future__ import annotations

from math import nan

import pytest

from canvas_sync_core.metrics.layout import Exemplar
from canvas_sync_core.metrics.sample_keys import SampleKeys
from canvas_sync_core.metrics.totals import LIVE_KINDS, PER_PROCESS_KIND, MetricTotals

A, B, C = (SampleKeys().parse(b'["%b", "m", {}, ""]' % name) for name in (b"a", b"b", b"c"))


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        ("counter", 5.0),
        ("histogram", 5.0),
        ("gauge_livesum", 5.0),
        ("gauge_livemin", 2.0),
        ("gauge_max", 3.0),
    ],
)
def test_values_of_processes_are_merged_as_their_kind_says(kind: str, expected: float) -> None:
    totals = MetricTotals()
    totals.merge(kind, [A, B], [3.0, 7.0])
    totals.merge(kind, [A], [2.0])
    assert totals.values == {kind: {A: expected, B: 7.0}}


def test_an_unset_value_is_no_value() -> None:
    totals = MetricTotals()
    totals.merge("gauge_livemin", [A, B], [nan, 4.0])
    totals.merge("gauge_livemin", [A, B], [1.0, nan])
    assert totals.values == {"gauge_livemin": {A: 1.0, B: 4.0}}


def test_each_value_has_a_key() -> None:
    with pytest.raises(ValueError, match="longer"):
        MetricTotals().merge("counter", [A], [1.0, 2.0])


def test_the_newest_exemplar_of_a_bucket_is_kept() -> None:
    old, new = Exemplar("1", 0.5, time=10.0), Exemplar("2", 0.4, time=11.0)
    totals = MetricTotals()
    for exemplars in ({A: old, B: new}, {A: new, B: old}, {C: old}):
        totals.merge_exemplars(exemplars)
    totals.merge_exemplars({A: Exemplar("3", 0.1, time=11.0)})
    assert totals.exemplars == {A: new, B: new, C: old}


def test_values_of_dead_processes_are_not_part_of_the_sums_over_live_ones() -> None:
    assert {"gauge_livesum", "gauge_livemin", PER_PROCESS_KIND} == LIVE_KINDS
    assert PER_PROCESS_KIND.startswith("gauge_")
