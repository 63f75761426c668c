"""Series are written once, and read as samples of the library."""

from __future__ import annotations

from prometheus_client.samples import Exemplar, Sample

from canvas_sync_exporter.collectors.series import Series, SeriesFamily, escaped


def test_a_series_shows_its_labels_in_order_and_escaped() -> None:
    assert Series.of("up", ()).text == "up"
    series = Series.of("calls_bucket", (("route", 'a"b'), ("canvas", "x\n")), "0.5")
    assert series.text == r'calls_bucket{canvas="x\n",le="0.5",route="a\"b"}'
    assert series.all_labels() == {"route": 'a"b', "canvas": "x\n", "le": "0.5"}
    assert Series.of("calls", (("route", "a"),)).all_labels() == {"route": "a"}


def test_a_backslash_is_escaped_once() -> None:
    assert escaped("\\n\n") == r"\\n\n"


def test_a_family_has_the_samples_of_the_library() -> None:
    family = SeriesFamily("calls", "Calls.", "histogram")
    family.series = [Series.of("calls_bucket", (), "1.0"), Series.of("calls_count", ())]
    family.values = [2.0, 3.0]
    exemplar = Exemplar({"trace_id": "1"}, 0.5, 7.0)
    family.exemplars = {0: exemplar}
    assert family.samples == [
        Sample("calls_bucket", {"le": "1.0"}, 2.0, None, exemplar),
        Sample("calls_count", {}, 3.0),
    ]
    assert (family.name, family.documentation, family.type) == ("calls", "Calls.", "histogram")
