"""What OpenTelemetry's environment variables say."""

from __future__ import annotations

import logging

import pytest

from support.otlp import OtlpReceiver
from support.span_sinks import START, MakeSink, start_run


def test_the_resource_has_a_service_name_and_what_the_environment_adds(
    make_spans: MakeSink, receiver: OtlpReceiver
) -> None:
    sink = make_spans(**receiver.environ, OTEL_RESOURCE_ATTRIBUTES="deployment.environment=prod")
    start_run(sink).end(end_time=START)
    assert sink.flush(600)
    (resource,) = receiver.resources
    assert resource["service.name"] == "canvas-sync"
    assert resource["deployment.environment"] == "prod"


def test_a_service_name_in_the_environment_wins(make_spans: MakeSink, http: OtlpReceiver) -> None:
    sink = make_spans(**http.environ, OTEL_SERVICE_NAME="registrar")
    start_run(sink).end(end_time=START)
    assert sink.flush(600)
    assert http.resources[0]["service.name"] == "registrar"


def test_an_apps_random_seed_does_not_repeat_trace_ids(
    make_spans: MakeSink, http: OtlpReceiver
) -> None:
    import random

    sink = make_spans(**http.environ)
    state = random.getstate()
    try:
        trace_ids = set()
        for _ in range(2):
            random.seed(42)
            trace_ids.add(start_run(sink).trace_id)
    finally:
        random.setstate(state)
    assert len(trace_ids) == 2


@pytest.mark.parametrize(
    ("setting", "delivered"),
    [
        (("OTEL_BSP_MAX_QUEUE_SIZE", "many"), 1),
        (("OTEL_BSP_SCHEDULE_DELAY", "-1"), 1),
        (("OTEL_TRACES_SAMPLER", "sometimes"), 1),
        (("OTEL_EXPORTER_OTLP_PROTOCOL", "carrier-pigeon"), 1),
        (("OTEL_RESOURCE_ATTRIBUTES", "no-equals-sign"), 1),
        (("OTEL_TRACES_EXPORTER", "zipkin"), 0),
        (("OTEL_SPAN_EVENT_COUNT_LIMIT", "some"), 0),
    ],
)
def test_a_malformed_setting_is_reported_and_never_stops_the_app(
    make_spans: MakeSink,
    http: OtlpReceiver,
    caplog: pytest.LogCaptureFixture,
    setting: tuple[str, str],
    delivered: int,
) -> None:
    with caplog.at_level(logging.WARNING):
        sink = make_spans(**dict([*http.environ.items(), setting]))
        run = start_run(sink)
        run.end(end_time=START)
        assert sink.flush(600)
    assert len(http.spans) == delivered
    assert any(record.levelno >= logging.WARNING for record in caplog.records)
