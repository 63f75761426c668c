"""What is written is what prometheus-client writes, whatever there is to write."""

from __future__ import annotations

import json
from collections.abc import Iterable

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, Info, Metric
from prometheus_client.exposition import choose_encoder
from prometheus_client.registry import Collector
from prometheus_client.samples import Exemplar, NativeHistogram, Sample

from canvas_sync_core.metrics.sample_keys import SampleKeys
from canvas_sync_exporter.collectors.series import SeriesFamily, escaped, series_text
from canvas_sync_exporter.web import exposition
from canvas_sync_exporter.web.exposition import expose as expose_parts

ACCEPTED = [
    "",
    "text/plain;version=0.0.4",
    "text/plain;version=1.0.0;escaping=allow-utf-8",
    "application/openmetrics-text",
    "application/openmetrics-text;version=1.0.0",
    "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8",
    "application/openmetrics-text;version=1.0.0;escaping=values",
    "application/openmetrics-text;version=1.0.0;escaping=underscores",
]

names = st.from_regex(r"[a-z_:][a-z0-9_:]{0,8}", fullmatch=True)
odd_names = names | st.text(min_size=1, max_size=5)
label_names = st.from_regex(r"[a-z_][a-z0-9_]{0,5}", fullmatch=True)
values = st.floats() | st.integers(0, 10**9).map(float)
label_sets = st.dictionaries(label_names, st.text(max_size=8), max_size=3)
odd_label_sets = label_sets | st.dictionaries(
    st.text(min_size=1, max_size=3), st.text(), max_size=2
)
exemplars = st.builds(Exemplar, label_sets, values, st.none() | st.floats(0, 2e9, allow_nan=False))
native = st.just(NativeHistogram(4.0, 2.5, 3, 0.1, 0.0))


def expose(shown: Iterable[Metric], accept: str) -> tuple[bytes, str]:
    parts, content_type = expose_parts(shown, accept)
    return b"".join(parts), content_type


class Families(Collector):
    def __init__(self, families: list[Metric]) -> None:
        self.families = families

    def collect(self) -> Iterable[Metric]:
        return self.families


@st.composite
def families(draw: st.DrawFn) -> Metric:
    kind = draw(st.sampled_from(["counter", "gauge", "histogram", "info", "unknown"]))
    family = Metric(draw(names), draw(st.text(max_size=20)), kind)
    suffixes = {"counter": ["_total", "_created"], "histogram": ["_bucket", "_sum", "_created"]}
    for _ in range(draw(st.integers(0, 4))):
        suffix = draw(st.sampled_from(suffixes.get(kind, [""])))
        with_exemplar = suffix in {"_total", "_bucket"}
        family.samples.append(
            Sample(
                family.name + suffix,
                draw(odd_label_sets),
                draw(values),
                draw(st.none() | st.none() | st.floats(0, 2e9, allow_nan=False)),
                draw(st.none() | exemplars) if with_exemplar else None,
                draw(st.none() | st.none() | st.none() | native),
            )
        )
    return family


@given(st.lists(families(), max_size=4), st.sampled_from(ACCEPTED))
def test_it_is_byte_for_byte_the_library(shown: list[Metric], accept: str) -> None:
    encode, content_type = choose_encoder(accept)
    assert expose(shown, accept) == (encode(Families(shown)), content_type)


@st.composite
def series_families(draw: st.DrawFn) -> SeriesFamily:
    family = SeriesFamily(draw(label_names), draw(st.text(max_size=20)), "histogram")
    for position in range(draw(st.integers(0, 4))):
        name = family.name + draw(st.sampled_from(["_bucket", "_sum", "_created"]))
        labels = draw(label_sets)
        labels.pop("le", None)  # our keys have numbers there
        key = SampleKeys().parse(json.dumps([family.name, name, labels, ""]).encode())
        family.sample_names.add(name)
        family.keys.append(key)
        family.texts.append(series_text(name, key.labels))
        family.values.append(draw(values))
        if name.endswith("_bucket") and (exemplar := draw(st.none() | exemplars)):
            family.exemplars[position] = exemplar
    return family


@given(st.lists(series_families(), max_size=3), st.sampled_from(ACCEPTED))
def test_families_of_series_are_as_the_library_shows_their_samples(
    shown: list[Metric], accept: str
) -> None:
    encode, content_type = choose_encoder(accept)
    assert expose(shown, accept) == (encode(Families(shown)), content_type)


def test_a_long_family_is_written_in_parts_none_of_which_is_long() -> None:
    family = SeriesFamily("calls", "Calls.", "counter")
    for number in range(3000):
        key = SampleKeys().parse(b'["calls", "calls_total", {"number": "%d"}, ""]' % number)
        family.keys.append(key)
        family.texts.append(series_text(key.sample, key.labels))
        family.values.append(number)
    family.exemplars = {2999: Exemplar({"trace_id": "1"}, 0.5, 7.0)}
    for accept in ("", "application/openmetrics-text;version=1.0.0"):
        parts = list(expose_parts([family], accept)[0])
        assert max(map(len, parts)) < 50_000
        assert b"".join(parts) == choose_encoder(accept)[0](Families([family]))


@pytest.mark.parametrize("accept", ACCEPTED)
def test_the_library_s_own_metrics_are_as_the_library_shows_them(accept: str) -> None:
    registry = CollectorRegistry()
    Counter("calls", 'With "quotes",\nlines and \\', ("route",), registry=registry).labels(
        '/a"b\\c\n'
    ).inc(exemplar={"trace_id": "ab"})
    Gauge("free_bytes", "Room.", registry=registry).set(1.5e9)
    Histogram("took_seconds", "Time.", ("route",), registry=registry).labels("ü").observe(
        0.2, {"trace_id": "cd"}
    )
    Info("build", "Which.", registry=registry).info({"version": "1"})
    encode, content_type = choose_encoder(accept)
    assert expose(registry.collect(), accept) == (encode(registry), content_type)


def test_the_library_is_not_asked_to_move_creation_times(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is several times as slow, and every counter of the exporter itself has them."""
    registry = CollectorRegistry()
    Counter("calls", "Calls.", ("route",), registry=registry).labels("/a").inc()
    Histogram("took_seconds", "Time.", ("route",), registry=registry).labels("/a").observe(0.2)
    encode, content_type = choose_encoder("")
    expected = encode(registry)

    def refuse(_: Collector) -> bytes:
        raise AssertionError("the library is asked")

    monkeypatch.setattr(exposition, "choose_encoder", lambda _: (refuse, content_type))
    assert expose(registry.collect(), "")[0] == expected


def test_a_family_with_an_odd_name_is_left_to_the_library() -> None:
    family = Metric("a.b", "", "gauge")
    family.samples.append(Sample("a.b", {"x.y": "1"}, 1.0))
    for accept in ACCEPTED:
        assert expose([family], accept)[0] == choose_encoder(accept)[0](Families([family]))


def test_labels_of_very_many_series_are_escaped_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """More series than any cache of series should hold, made of few labels."""
    family = Metric("wide", "Many series.", "gauge")
    texts = [str(number) for number in range(200)]
    family.samples = [
        Sample("wide", {"one": one, "other": other}, 1.0) for one in texts for other in texts
    ]
    seen: list[str] = []

    def note(text: str) -> str:
        seen.append(text)
        return escaped(text)

    monkeypatch.setattr(exposition, "escaped", note)
    first = expose([family], "")
    assert len(seen) <= 2 * len(texts)
    seen.clear()
    assert expose([family], "") == first
    assert seen == []
