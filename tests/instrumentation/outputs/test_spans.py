from __future__ import annotations

import itertools
import logging
import os
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from msgspec import structs
from opentelemetry import trace
from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status
from opentelemetry.semconv._incubating.attributes import url_attributes as incubating_url
from opentelemetry.semconv.attributes import (
    db_attributes,
    error_attributes,
    http_attributes,
    server_attributes,
    url_attributes,
)
from opentelemetry.trace import NonRecordingSpan, SpanContext, TraceFlags

from canvas_sync_core.events import ApiCall, DbOperation, ErrorInfo, Progressed, RunContext
from canvas_sync_core.names import INSTRUMENTATION_SCOPE, SPAN_RUN, SPAN_STEP
from canvas_sync_instrumentation.outputs._leaf_spans import describe_leaf
from canvas_sync_instrumentation.outputs.spans import OpenSpan, SpanSink, open_pipeline
from support.otlp import (
    OtlpReceiver,
    attributes_of,
    grpc_receiver,
    http_receiver,
    refusing_collector,
    silent_collector,
    span_named,
)

START = 1_766_398_530.25
RECEIVERS = {"http/protobuf": http_receiver, "grpc": grpc_receiver}
BAD_COLLECTORS = {"refuses": refusing_collector, "hangs": silent_collector}
API_CALL = ApiCall(
    context=None,
    time=START + 2.0,
    duration=0.5,
    method="GET",
    route="/api/v1/courses/:course_id/assignments",
    path="/api/v1/courses/7/assignments",
    host="canvas.example.edu:8443",
    status_code=200,
    cost=0.25,
    rate_limit_remaining=599.5,
    request_context_id="b5ac-11",
)
DB_OPERATION = DbOperation(
    context=None,
    time=START + 3.0,
    duration=0.25,
    operation="INSERT",
    table="assignments",
    count=340,
    batch=True,
)


class Drops:
    """Counts what a sink says it lost."""

    def __init__(self) -> None:
        self.counts: dict[tuple[str, str], int] = {}

    def __call__(self, sink: str, reason: str, count: int = 1) -> None:
        self.counts[sink, reason] = self.counts.get((sink, reason), 0) + count


MakeSink = Callable[..., SpanSink]


@pytest.fixture
def drops() -> Drops:
    return Drops()


@pytest.fixture
def make_sink(monkeypatch: pytest.MonkeyPatch, drops: Drops) -> Iterator[MakeSink]:
    """Make sinks under given OTEL_* variables; the SDK reads its own from the same place."""
    for name in [name for name in os.environ if name.startswith("OTEL_")]:
        monkeypatch.delenv(name)
    sinks: list[SpanSink] = []

    def make(**environ: str) -> SpanSink:
        for name, value in environ.items():
            monkeypatch.setenv(name, value)
        sinks.append(SpanSink(open_pipeline(os.environ, drops)))
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


def start_run(sink: SpanSink, **attributes: str) -> OpenSpan:
    return sink.start_run(SPAN_RUN, attributes=attributes, parent=None, start_time=START)


def context_of(span: OpenSpan) -> RunContext:
    return RunContext("task-1", 42, 7, "full", span.trace_id, span.span_id, span.sampled)


def test_a_run_its_step_and_their_calls_form_one_tree(
    make_sink: MakeSink, receiver: OtlpReceiver, drops: Drops
) -> None:
    sink = make_sink(**receiver.environ)
    run = start_run(sink, **{"canvas.sync.type": "full"})
    step = sink.start_step(SPAN_STEP, attributes={}, parent=run, start_time=START + 1)
    sink.handle(structs.replace(API_CALL, context=context_of(step)))
    sink.handle(structs.replace(DB_OPERATION, context=context_of(run)))
    step.end(end_time=START + 4)
    run.end(end_time=START + 5, attributes={"canvas.sync.status": "success"})

    assert sink.flush(600)
    spans = receiver.wait_for_spans(4)
    sent = {span.name: span for span in spans}
    assert {span.trace_id.hex() for span in spans} == {run.trace_id}
    assert sent[SPAN_RUN].span_id.hex() == run.span_id
    assert sent[SPAN_RUN].parent_span_id == b""
    assert sent[SPAN_STEP].parent_span_id.hex() == run.span_id
    api = sent["GET /api/v1/courses/:course_id/assignments"]
    assert api.parent_span_id.hex() == step.span_id
    assert sent["INSERT assignments"].parent_span_id.hex() == run.span_id
    assert sent[SPAN_RUN].start_time_unix_nano == START * 1e9
    assert sent[SPAN_RUN].end_time_unix_nano == (START + 5) * 1e9
    assert api.start_time_unix_nano == (START + 1.5) * 1e9
    assert api.end_time_unix_nano == (START + 2) * 1e9
    assert {span.kind for span in (api, sent["INSERT assignments"])} == {Span.SPAN_KIND_CLIENT}
    assert attributes_of(sent[SPAN_RUN].attributes) == {
        "canvas.sync.type": "full",
        "canvas.sync.status": "success",
    }
    assert drops.counts == {}


def test_the_resource_has_a_service_name_and_what_the_environment_adds(
    make_sink: MakeSink, receiver: OtlpReceiver
) -> None:
    sink = make_sink(**receiver.environ, OTEL_RESOURCE_ATTRIBUTES="deployment.environment=prod")
    start_run(sink).end(end_time=START)
    assert sink.flush(600)
    (resource,) = receiver.resources
    assert resource["service.name"] == "canvas-sync"
    assert resource["deployment.environment"] == "prod"


def test_a_service_name_in_the_environment_wins(make_sink: MakeSink, http: OtlpReceiver) -> None:
    sink = make_sink(**http.environ, OTEL_SERVICE_NAME="registrar")
    start_run(sink).end(end_time=START)
    assert sink.flush(600)
    assert http.resources[0]["service.name"] == "registrar"


def test_compressed_spans_arrive_too(make_sink: MakeSink, receiver: OtlpReceiver) -> None:
    sink = make_sink(**receiver.environ, OTEL_EXPORTER_OTLP_COMPRESSION="gzip")
    start_run(sink).end(end_time=START)
    assert sink.flush(600)
    assert [span.name for span in receiver.spans] == [SPAN_RUN]


def test_an_error_sets_status_and_type(make_sink: MakeSink, http: OtlpReceiver) -> None:
    sink = make_sink(**http.environ)
    start_run(sink).end(end_time=START + 1, error=ErrorInfo("InvalidAccessToken", "token expired"))
    assert sink.flush(600)
    span = span_named(http.spans, SPAN_RUN)
    assert (span.status.code, span.status.message) == (Status.STATUS_CODE_ERROR, "token expired")
    assert attributes_of(span.attributes) == {"error.type": "InvalidAccessToken"}


def test_an_api_call_follows_the_http_conventions() -> None:
    leaf = describe_leaf(structs.replace(API_CALL, status_code=429, throttled=True, retries=2))
    assert leaf.name == "GET /api/v1/courses/:course_id/assignments"
    assert leaf.attributes == {
        http_attributes.HTTP_REQUEST_METHOD: "GET",
        http_attributes.HTTP_RESPONSE_STATUS_CODE: 429,
        http_attributes.HTTP_REQUEST_RESEND_COUNT: 2,
        incubating_url.URL_TEMPLATE: "/api/v1/courses/:course_id/assignments",
        url_attributes.URL_PATH: "/api/v1/courses/7/assignments",
        server_attributes.SERVER_ADDRESS: "canvas.example.edu",
        server_attributes.SERVER_PORT: 8443,
        error_attributes.ERROR_TYPE: "429",
        "canvas.rate_limit.remaining": 599.5,
        "canvas.request.cost": 0.25,
        "canvas.request_context_id": "b5ac-11",
        "canvas.throttled": True,
    }
    assert leaf.failed
    assert leaf.description is None


def test_a_call_without_an_answer_is_an_error_that_says_why() -> None:
    leaf = describe_leaf(
        structs.replace(
            API_CALL, status_code=None, error_class="timeout", message="no answer in 30 s"
        )
    )
    assert leaf.failed
    assert leaf.description == "no answer in 30 s"
    assert leaf.attributes[error_attributes.ERROR_TYPE] == "timeout"
    assert http_attributes.HTTP_RESPONSE_STATUS_CODE not in leaf.attributes


@pytest.mark.parametrize(
    ("host", "server"),
    [
        ("canvas.example.edu", {"server.address": "canvas.example.edu"}),
        ("127.0.0.1:8000", {"server.address": "127.0.0.1", "server.port": 8000}),
        ("[::1]:8000", {"server.address": "::1", "server.port": 8000}),
        ("canvas:port", {"server.address": "canvas:port"}),
        ("", {"server.address": ""}),
    ],
)
def test_the_server_is_told_with_its_port_when_it_has_one(
    host: str, server: dict[str, object]
) -> None:
    attributes = describe_leaf(structs.replace(API_CALL, host=host)).attributes
    assert {name: attributes[name] for name in attributes if name.startswith("server.")} == server


def test_a_database_operation_follows_the_database_conventions() -> None:
    failed = structs.replace(
        DB_OPERATION, error=ErrorInfo("IntegrityError", "taken"), system="postgresql"
    )
    leaf = describe_leaf(failed)
    assert leaf.name == "INSERT assignments"
    assert leaf.attributes == {
        db_attributes.DB_SYSTEM_NAME: "postgresql",
        db_attributes.DB_OPERATION_NAME: "INSERT",
        db_attributes.DB_COLLECTION_NAME: "assignments",
        db_attributes.DB_OPERATION_BATCH_SIZE: 340,
        error_attributes.ERROR_TYPE: "IntegrityError",
    }
    assert leaf.failed


def test_a_single_row_is_no_batch() -> None:
    leaf = describe_leaf(structs.replace(DB_OPERATION, batch=False, count=1))
    assert db_attributes.DB_OPERATION_BATCH_SIZE not in leaf.attributes
    assert not leaf.failed


def test_an_unsampled_run_makes_no_span(make_sink: MakeSink, http: OtlpReceiver) -> None:
    sink = make_sink(**http.environ, OTEL_TRACES_SAMPLER="always_off")
    run = start_run(sink)
    step = sink.start_step(SPAN_STEP, attributes={}, parent=run, start_time=START)
    sink.handle(structs.replace(API_CALL, context=context_of(step)))
    sink.handle(API_CALL)
    step.end(end_time=START)
    run.end(end_time=START)
    assert not run.sampled
    assert not step.sampled
    assert int(run.trace_id, 16)
    assert sink.flush(600)
    assert http.spans == []


def test_calls_outside_a_run_go_below_the_current_span_or_stand_alone(
    make_sink: MakeSink, http: OtlpReceiver
) -> None:
    sink = make_sink(**http.environ)
    around = SpanContext(0xABC, 0xDEF, is_remote=True, trace_flags=TraceFlags(TraceFlags.SAMPLED))
    unsampled = SpanContext(0xABC, 0xDEF, is_remote=True)
    sink.handle(API_CALL)
    with trace.use_span(NonRecordingSpan(around)):
        sink.handle(DB_OPERATION)
    with trace.use_span(NonRecordingSpan(unsampled)):
        sink.handle(structs.replace(DB_OPERATION, table="unseen"))
    assert sink.flush(600)
    alone, below = http.spans
    assert alone.parent_span_id == b""
    assert any(alone.trace_id)
    assert int.from_bytes(below.trace_id) == 0xABC
    assert int.from_bytes(below.parent_span_id) == 0xDEF


def test_a_run_goes_below_the_context_it_is_given(make_sink: MakeSink, http: OtlpReceiver) -> None:
    sink = make_sink(**http.environ)
    remote = SpanContext(0xABC, 0xDEF, is_remote=True, trace_flags=TraceFlags(TraceFlags.SAMPLED))
    parent = trace.set_span_in_context(NonRecordingSpan(remote))
    run = sink.start_run(SPAN_RUN, attributes={}, parent=parent, start_time=START)
    run.end(end_time=START)
    assert sink.flush(600)
    assert int(run.trace_id, 16) == 0xABC
    assert int.from_bytes(http.spans[0].parent_span_id) == 0xDEF


@pytest.mark.parametrize(
    "environ",
    [
        {},
        {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:1", "OTEL_SDK_DISABLED": "true"},
        {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:1", "OTEL_TRACES_EXPORTER": "none"},
    ],
    ids=["no endpoint", "SDK disabled", "no exporter"],
)
def test_without_a_collector_runs_still_have_ids(
    make_sink: MakeSink, drops: Drops, environ: dict[str, str]
) -> None:
    sink = make_sink(**environ)
    first, second = start_run(sink), start_run(sink)
    sink.handle(structs.replace(API_CALL, context=context_of(first)))
    sink.handle(API_CALL)
    first.end(end_time=START, error=ErrorInfo("X", "y"))
    assert not first.sampled
    assert len(first.trace_id) == 32
    assert len(first.span_id) == 16
    assert first.trace_id != second.trace_id
    assert sink.flush(0.0)
    assert drops.counts == {}


def test_without_a_collector_a_run_stands_for_the_span_around_it(make_sink: MakeSink) -> None:
    """What goes out to other services then names a span that exists."""
    around = SpanContext(0xABC, 0xDEF, is_remote=True, trace_flags=TraceFlags(TraceFlags.SAMPLED))
    with trace.use_span(NonRecordingSpan(around)):
        run = start_run(make_sink())
    assert run.span.get_span_context() == around
    assert not run.sampled


def test_an_apps_random_seed_does_not_repeat_trace_ids(
    make_sink: MakeSink, http: OtlpReceiver
) -> None:
    import random

    sink = make_sink(**http.environ)
    state = random.getstate()
    try:
        trace_ids = set()
        for _ in range(2):
            random.seed(42)
            trace_ids.add(start_run(sink).trace_id)
    finally:
        random.setstate(state)
    assert len(trace_ids) == 2


def test_other_events_make_no_span(make_sink: MakeSink, http: OtlpReceiver) -> None:
    sink = make_sink(**http.environ)
    run = start_run(sink)
    sink.handle(Progressed(context_of(run), START, 10.0, "Processing courses"))
    run.end(end_time=START)
    assert sink.flush(600)
    assert [span.name for span in http.spans] == [SPAN_RUN]


def test_spans_for_which_the_queue_has_no_room_are_counted(
    make_sink: MakeSink, drops: Drops
) -> None:
    with silent_collector() as endpoint:
        sink = make_sink(
            OTEL_EXPORTER_OTLP_ENDPOINT=endpoint,
            OTEL_BSP_MAX_QUEUE_SIZE="10",
        )
        for _ in range(25):
            sink.handle(API_CALL)
        assert drops.counts == {("spans", "queue_full"): 15}
        assert not sink.flush(0.05)
        sink.close(0.05)
        sink.handle(API_CALL)
    assert drops.counts == {("spans", "queue_full"): 16, ("spans", "export_failed"): 10}


@pytest.mark.parametrize("protocol", sorted(RECEIVERS))
def test_failed_exports_are_counted_each_and_told_once(
    make_sink: MakeSink, drops: Drops, caplog: pytest.LogCaptureFixture, protocol: str
) -> None:
    with refusing_collector() as endpoint, caplog.at_level(logging.WARNING):
        sink = make_sink(
            OTEL_EXPORTER_OTLP_ENDPOINT=endpoint,
            OTEL_EXPORTER_OTLP_PROTOCOL=protocol,
            OTEL_EXPORTER_OTLP_TIMEOUT="0.1",
        )
        sink.handle(API_CALL)
        assert sink.flush(600)
        told = len(caplog.records)
        for _ in range(3):
            sink.handle(API_CALL)
            assert sink.flush(600)
    assert drops.counts == {("spans", "export_failed"): 4}
    ours = [record for record in caplog.records if "cannot be delivered" in record.message]
    assert len(ours) == 1
    assert len(caplog.records) == told


def test_delivery_goes_on_when_the_collector_is_well_again(
    make_sink: MakeSink, http: OtlpReceiver, drops: Drops, caplog: pytest.LogCaptureFixture
) -> None:
    """And the next outage is told again."""
    sink = make_sink(**http.environ)
    with caplog.at_level(logging.WARNING):
        for http.rejecting in (True, False, True):
            sink.handle(API_CALL)
            assert sink.flush(600)
    assert drops.counts == {("spans", "export_failed"): 2}
    assert len(http.spans) == 1
    assert caplog.text.count("cannot be delivered") == 2


def test_spans_given_up_at_the_close_are_counted_once(
    make_sink: MakeSink, http: OtlpReceiver, drops: Drops
) -> None:
    """Also when the export that was under way ends as a failure after the close."""
    http.rejecting = True
    http.gate.clear()
    sink = make_sink(**http.environ)
    others = set(threading.enumerate())
    sink.handle(API_CALL)
    (exporting,) = set(threading.enumerate()) - others
    assert exporting.name == "canvas-sync-spans"
    assert not sink.flush(0.0)
    assert http.arrived.wait(600)
    sink.close(0.0)
    http.gate.set()
    exporting.join(600)
    assert not exporting.is_alive()
    assert drops.counts == {("spans", "export_failed"): 1}


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
def test_a_malformed_setting_is_told_and_never_stops_the_app(
    make_sink: MakeSink,
    http: OtlpReceiver,
    caplog: pytest.LogCaptureFixture,
    setting: tuple[str, str],
    delivered: int,
) -> None:
    with caplog.at_level(logging.WARNING):
        sink = make_sink(**dict([*http.environ.items(), setting]))
        run = start_run(sink)
        run.end(end_time=START)
        assert sink.flush(600)
    assert len(http.spans) == delivered
    assert any(record.levelno >= logging.WARNING for record in caplog.records)


def test_a_compression_that_there_is_not_is_told_and_the_span_delivered_or_counted(
    make_sink: MakeSink, http: OtlpReceiver, drops: Drops, caplog: pytest.LogCaptureFixture
) -> None:
    """Which of the two is up to the version of the SDK."""
    with caplog.at_level(logging.WARNING):
        sink = make_sink(**http.environ, OTEL_EXPORTER_OTLP_COMPRESSION="tight")
        sink.handle(API_CALL)
        assert sink.flush(600)
    assert len(http.spans) + drops.counts.get(("spans", "export_failed"), 0) == 1
    assert any(record.levelno >= logging.WARNING for record in caplog.records)


def test_a_malformed_grpc_setting_is_counted_and_told_once(
    make_sink: MakeSink, drops: Drops, caplog: pytest.LogCaptureFixture
) -> None:
    with grpc_receiver() as receiver, caplog.at_level(logging.WARNING):
        sink = make_sink(**receiver.environ, OTEL_EXPORTER_OTLP_COMPRESSION="tight")
        for _ in range(2):
            sink.handle(API_CALL)
            assert sink.flush(600)
    assert drops.counts == {("spans", "export_failed"): 2}
    (record,) = caplog.records
    assert "OTEL_EXPORTER_OTLP_COMPRESSION" in caplog.text
    assert record.levelno == logging.WARNING


@pytest.mark.parametrize("protocol", sorted(RECEIVERS))
@pytest.mark.parametrize("behaviour", sorted(BAD_COLLECTORS))
def test_flush_and_close_keep_to_their_time_when_the_collector_is_bad(
    make_sink: MakeSink, drops: Drops, behaviour: str, protocol: str
) -> None:
    with BAD_COLLECTORS[behaviour]() as endpoint:
        sink = make_sink(
            OTEL_EXPORTER_OTLP_ENDPOINT=endpoint,
            OTEL_EXPORTER_OTLP_PROTOCOL=protocol,
            OTEL_EXPORTER_OTLP_TIMEOUT="3600",
        )
        began = time.monotonic()
        for _ in range(100):
            sink.handle(API_CALL)
        is_done = sink.flush(0.2)
        sink.close(0.2)
        assert not (is_done and behaviour == "hangs")  # refused, some versions give up at once
        assert time.monotonic() - began < 600, "waited for the collector's own hour"
    assert drops.counts == {("spans", "export_failed"): 100}


PROGRAM = textwrap.dedent(
    """
    import atexit, os, sys
    from canvas_sync_core.events import ApiCall, RunContext
    from canvas_sync_instrumentation.outputs.spans import SpanSink, open_pipeline

    def on_drop(sink, reason, count=1):
        print(sink, reason, count, flush=True)

    sink = SpanSink(open_pipeline(os.environ, on_drop))
    atexit.register(sink.close, 1.0)

    def run(name):
        span = sink.start_run(name, attributes={}, parent=None, start_time=1.0)
        context = RunContext("t", 1, 2, "full", span.trace_id, span.span_id, span.sampled)
        sink.handle(ApiCall(context, 2.0, 0.5, "GET", "/r", "/r", "canvas.example.edu", 200))
        span.end(end_time=3.0)
    """
)


def run_program(tmp_path: Path, rest: str, environ: dict[str, str]) -> tuple[str, float]:
    """Run PROGRAM and ``rest`` in an interpreter of their own; give output and seconds."""
    script = tmp_path / "sync.py"
    script.write_text(PROGRAM + textwrap.dedent(rest), encoding="utf-8")
    clean = {name: value for name, value in os.environ.items() if not name.startswith("OTEL_")}
    began = time.monotonic()
    ended = subprocess.run(
        [sys.executable, "-W", "error", script],
        env=clean | environ,
        capture_output=True,
        text=True,
        timeout=1000,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr
    return ended.stdout, time.monotonic() - began


@pytest.mark.parametrize("protocol", sorted(RECEIVERS))
def test_a_program_that_ends_at_once_still_delivers(tmp_path: Path, protocol: str) -> None:
    with RECEIVERS[protocol]() as receiver:
        output, _ = run_program(tmp_path, "run('brief')", receiver.environ)
        assert output == ""
        assert {span.name for span in receiver.spans} == {"brief", "GET /r"}


@pytest.mark.parametrize("protocol", sorted(RECEIVERS))
def test_nothing_is_imported_while_spans_are_exported(tmp_path: Path, protocol: str) -> None:
    """A child forked meanwhile would wait for the import's lock as soon as it exports."""
    rest = """
        import threading

        def tell_import(event, arguments):
            if event == "import" and threading.current_thread() is not threading.main_thread():
                print(arguments[0], flush=True)

        sys.addaudithook(tell_import)
        run("first")
        assert sink.flush(600)
    """
    with RECEIVERS[protocol]() as receiver:
        output, _ = run_program(tmp_path, rest, receiver.environ)
        assert len(receiver.spans) == 2
    assert output == ""


@pytest.mark.parametrize("protocol", sorted(RECEIVERS))
@pytest.mark.parametrize("behaviour", sorted(BAD_COLLECTORS))
def test_the_exit_waits_its_budget_and_not_for_the_collector(
    tmp_path: Path, behaviour: str, protocol: str
) -> None:
    """The exporter would try for an hour; the sink is closed with 1 s."""
    with BAD_COLLECTORS[behaviour]() as endpoint:
        output, seconds = run_program(
            tmp_path,
            "run('lost')",
            {
                "OTEL_EXPORTER_OTLP_ENDPOINT": endpoint,
                "OTEL_EXPORTER_OTLP_PROTOCOL": protocol,
                "OTEL_EXPORTER_OTLP_TIMEOUT": "3600",
            },
        )
    assert output == "spans export_failed 2\n"
    assert seconds < 600


@pytest.mark.parametrize("protocol", sorted(RECEIVERS))
def test_a_forked_child_sends_its_own_spans_and_not_its_parents(
    tmp_path: Path, protocol: str
) -> None:
    """With a connection that is open at the fork and spans that wait in the queue."""
    rest = """
        os.register_at_fork(after_in_child=sink.after_fork_in_child)
        run("before")
        assert sink.flush(600)
        run("queued")
        child = os.fork()
        if not child:
            run("child")
            sink.close(60.0)
            os._exit(0)
        assert os.waitpid(child, 0)[1] == 0
        run("after")
        assert sink.flush(600)
    """
    with RECEIVERS[protocol]() as receiver:
        output, _ = run_program(tmp_path, rest, receiver.environ)
        names = sorted(span.name for span in receiver.spans)
    assert output == ""
    assert [name for name in names if name != "GET /r"] == ["after", "before", "child", "queued"]
    assert names.count("GET /r") == 4
    assert receiver.peers["child"] != receiver.peers["before"]


def test_an_app_with_its_own_provider_gets_the_spans_there(tmp_path: Path) -> None:
    """Even when an OTLP collector is configured too, and when it is set after the sink is made."""
    rest = """
        from opentelemetry import trace
        from opentelemetry.sdk.trace import TracerProvider
        from opentelemetry.sdk.trace.export import SimpleSpanProcessor
        from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

        memory = InMemorySpanExporter()
        provider = TracerProvider()
        provider.add_span_processor(SimpleSpanProcessor(memory))
        trace.set_tracer_provider(provider)
        run("theirs")
        assert sink.flush(600)
        sink.close(60.0)
        leaf, span = memory.get_finished_spans()
        print(leaf.name, span.name, leaf.parent.span_id == span.context.span_id)
        print(leaf.context.trace_id == span.context.trace_id, leaf.kind.name)
        print(leaf.instrumentation_scope.name, leaf.start_time, leaf.end_time)
        provider.get_tracer("app").start_span("the app goes on").end()
        print(len(memory.get_finished_spans()))
    """
    with http_receiver() as receiver:
        output, _ = run_program(tmp_path, rest, receiver.environ)
        assert receiver.spans == []
    assert output.splitlines() == [
        "GET /r theirs True",
        "True CLIENT",
        f"{INSTRUMENTATION_SCOPE} 1500000000 2000000000",
        "3",
    ]


def test_flushing_a_providers_hanging_processor_keeps_to_its_time(tmp_path: Path) -> None:
    rest = """
        import threading
        from opentelemetry import trace
        from opentelemetry.sdk.trace import SpanProcessor, TracerProvider

        class Hanging(SpanProcessor):
            def force_flush(self, timeout_millis=30000):
                threading.Event().wait()

        provider = TracerProvider(shutdown_on_exit=False)
        provider.add_span_processor(Hanging())
        trace.set_tracer_provider(provider)
        run("theirs")
        print(sink.flush(0.05), sink.flush(0.05))
        print(sum(thread.name == "canvas-sync-flush" for thread in threading.enumerate()))
    """
    output, _ = run_program(tmp_path, rest, {})
    assert output.splitlines() == ["False False", "1"]


def test_calls_from_many_threads_all_arrive(make_sink: MakeSink, http: OtlpReceiver) -> None:
    from concurrent.futures import ThreadPoolExecutor

    sink = make_sink(**http.environ)
    with ThreadPoolExecutor(8) as pool:
        for _ in pool.map(sink.handle, itertools.repeat(API_CALL, 1000)):
            pass
    assert sink.flush(600)
    spans = http.wait_for_spans(1000)
    assert len({span.span_id for span in spans}) == 1000
