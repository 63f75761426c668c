"""Series are written once, and read as samples of the library."""

from __future__ import annotations

import pytest
from prometheus_client.samples import Exemplar, Sample

from canvas_sync_core.metrics.sample_keys import SampleKeys
from canvas_sync_exporter.collectors.series import SeriesFamily, escaped, series_text


@pytest.mark.parametrize(
    ("labels", "bound", "expected"),
    [
        ((), None, "calls"),
        ((), 0.5, 'calls{le="0.5"}'),
        ((("canvas", "x\n"), ("route", 'a"b')), 1.0, r'calls{canvas="x\n",le="1.0",route="a\"b"}'),
    ],
)
def test_a_series_shows_its_labels_in_order_and_escaped(
    labels: tuple[tuple[str, str], ...], bound: float | None, expected: str
) -> None:
    assert series_text("calls", labels, bound) == expected


def test_a_backslash_is_escaped_once() -> None:
    assert escaped("\\n\n") == r"\\n\n"


def test_a_family_has_the_samples_of_the_library() -> None:
    key = SampleKeys().parse(b'["calls", "calls_bucket", {"le": "1", "route": "a"}, "Calls."]')
    family = SeriesFamily("calls", "Calls.", "histogram")
    family.texts = ['calls_bucket{le="1.0",route="a"}', 'calls_count{route="a"}']
    family.keys = [key, key]
    family.values = [2.0, 3.0]
    exemplar = Exemplar({"trace_id": "1"}, 0.5, 7.0)
    family.exemplars = {0: exemplar}
    assert family.samples == [
        Sample("calls_bucket", {"le": "1.0", "route": "a"}, 2.0, None, exemplar),
        Sample("calls_count", {"route": "a"}, 3.0),
    ]
    assert (family.name, family.documentation, family.type) == ("calls", "Calls.", "histogram")
