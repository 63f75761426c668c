"""Sinks of rows and spans."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from canvas_sync_core.store.row_database import row_database_opener
from canvas_sync_core.store.spool.own_file import SPOOL_LIMIT
from canvas_sync_instrumentation.outputs.rows import RowSink
from canvas_sync_instrumentation.outputs.spans import SpanSink, open_pipeline
from support.otlp import OtlpReceiver, http_receiver
from support.span_sinks import RECEIVERS, MakeSink, SpanDrops
from support.store_sinks import RowDrops, Sinks


@pytest.fixture
def row_drops() -> RowDrops:
    return RowDrops()


@pytest.fixture
def make_store(tmp_path: Path, row_drops: RowDrops) -> Iterator[Sinks]:
    """Make sinks on a database, all with one spool folder; closed at the end."""
    made: list[RowSink] = []

    def make(url: str, *, auto_upgrade: bool = True, limit: int = SPOOL_LIMIT) -> RowSink:
        sink = RowSink(
            row_database_opener(url, auto_upgrade=auto_upgrade),
            tmp_path / "spool",
            on_drop=row_drops,
            spool_limit=limit,
        )
        made.append(sink)
        return sink

    yield make
    for sink in made:
        sink.close(1)


@pytest.fixture
def span_drops() -> SpanDrops:
    return SpanDrops()


@pytest.fixture
def make_spans(monkeypatch: pytest.MonkeyPatch, span_drops: SpanDrops) -> Iterator[MakeSink]:
    """Make sinks under given OTEL_* variables; the SDK reads its own from the same place."""
    for name in [name for name in os.environ if name.startswith("OTEL_")]:
        monkeypatch.delenv(name)
    sinks: list[SpanSink] = []

    def make(**environ: str) -> SpanSink:
        for name, value in environ.items():
            monkeypatch.setenv(name, value)
        sinks.append(SpanSink(open_pipeline(os.environ, span_drops)))
        return sinks[-1]

    yield make
    for sink in sinks:
        sink.close(60.0)


@pytest.fixture(params=sorted(RECEIVERS))
def receiver(request: pytest.FixtureRequest) -> Iterator[OtlpReceiver]:
    with RECEIVERS[request.param]() as running:
        yield running


@pytest.fixture
def http() -> Iterator[OtlpReceiver]:
    with http_receiver() as running:
        yield running
