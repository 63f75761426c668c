"""A collector that fails, and one that is well again."""

from __future__ import annotations

import logging

import pytest

from canvas_sync_core.names import SPAN_RUN
from support.otlp import OtlpReceiver, grpc_receiver, refusing_collector
from support.span_sinks import API_CALL, RECEIVERS, START, MakeSink, SpanDrops, start_run


def test_compressed_spans_arrive_too(make_spans: MakeSink, receiver: OtlpReceiver) -> None:
    sink = make_spans(**receiver.environ, OTEL_EXPORTER_OTLP_COMPRESSION="gzip")
    start_run(sink).end(end_time=START)
    assert sink.flush(600)
    assert [span.name for span in receiver.spans] == [SPAN_RUN]


@pytest.mark.parametrize("protocol", sorted(RECEIVERS))
def test_each_failed_export_is_counted_and_they_are_reported_once(
    make_spans: MakeSink, span_drops: SpanDrops, caplog: pytest.LogCaptureFixture, protocol: str
) -> None:
    with refusing_collector() as endpoint, caplog.at_level(logging.WARNING):
        sink = make_spans(
            OTEL_EXPORTER_OTLP_ENDPOINT=endpoint,
            OTEL_EXPORTER_OTLP_PROTOCOL=protocol,
            OTEL_EXPORTER_OTLP_TIMEOUT="0.1",
        )
        sink.handle(API_CALL)
        assert sink.flush(600)
        logged = len(caplog.records)
        for _ in range(3):
            sink.handle(API_CALL)
            assert sink.flush(600)
    assert span_drops.counts == {("spans", "export_failed"): 4}
    ours = [record for record in caplog.records if "cannot be delivered" in record.message]
    assert len(ours) == 1
    assert len(caplog.records) == logged


def test_delivery_goes_on_when_the_collector_is_well_again(
    make_spans: MakeSink,
    http: OtlpReceiver,
    span_drops: SpanDrops,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """The next outage is reported again."""
    sink = make_spans(**http.environ)
    with caplog.at_level(logging.WARNING):
        for http.rejecting in (True, False, True):
            sink.handle(API_CALL)
            assert sink.flush(600)
    assert span_drops.counts == {("spans", "export_failed"): 2}
    assert len(http.spans) == 1
    assert caplog.text.count("cannot be delivered") == 2


def test_an_unknown_compression_is_reported_and_the_span_is_delivered_or_counted(
    make_spans: MakeSink,
    http: OtlpReceiver,
    span_drops: SpanDrops,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Which of the two is up to the version of the SDK."""
    with caplog.at_level(logging.WARNING):
        sink = make_spans(**http.environ, OTEL_EXPORTER_OTLP_COMPRESSION="tight")
        sink.handle(API_CALL)
        assert sink.flush(600)
    assert len(http.spans) + span_drops.counts.get(("spans", "export_failed"), 0) == 1
    assert any(record.levelno >= logging.WARNING for record in caplog.records)


def test_a_malformed_grpc_setting_is_counted_and_reported_once(
    make_spans: MakeSink, span_drops: SpanDrops, caplog: pytest.LogCaptureFixture
) -> None:
    with grpc_receiver() as receiver, caplog.at_level(logging.WARNING):
        sink = make_spans(**receiver.environ, OTEL_EXPORTER_OTLP_COMPRESSION="tight")
        for _ in range(2):
            sink.handle(API_CALL)
            assert sink.flush(600)
    assert span_drops.counts == {("spans", "export_failed"): 2}
    (record,) = caplog.records
    assert "OTEL_EXPORTER_OTLP_COMPRESSION" in caplog.text
    assert record.levelno == logging.WARNING
