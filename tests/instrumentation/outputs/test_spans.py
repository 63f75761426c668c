"""Spans of runs, their steps and calls, as a collector or the app gets them."""

from __future__ import annotations

import itertools
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from msgspec import structs
from opentelemetry import trace
from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status
from opentelemetry.sdk.trace import ReadableSpan, SpanProcessor, TracerProvider
from opentelemetry.sdk.trace.sampling import Decision, Sampler, SamplingResult
from opentelemetry.trace import NonRecordingSpan, SpanContext, TraceFlags

from canvas_sync_core.events import ErrorInfo, Progressed, RunContext
from canvas_sync_core.names import INSTRUMENTATION_SCOPE, SPAN_RUN, SPAN_STEP
from canvas_sync_instrumentation.outputs.spans import OpenSpan
from support.otlp import OtlpReceiver, attributes_of, http_receiver, silent_collector, span_named
from support.span_sinks import (
    API_CALL,
    BAD_COLLECTORS,
    DB_OPERATION,
    RECEIVERS,
    START,
    MakeSink,
    SpanDrops,
    run_program,
    start_run,
)


def context_of(span: OpenSpan) -> RunContext:
    return RunContext("task-1", 42, 7, "full", span.trace_id, span.span_id, span.sampled)


def test_a_run_its_step_and_their_calls_form_one_tree(
    make_spans: MakeSink, receiver: OtlpReceiver, span_drops: SpanDrops
) -> None:
    sink = make_spans(**receiver.environ)
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
    assert span_drops.counts == {}


def test_an_error_sets_status_and_type(make_spans: MakeSink, http: OtlpReceiver) -> None:
    sink = make_spans(**http.environ)
    start_run(sink).end(end_time=START + 1, error=ErrorInfo("InvalidAccessToken", "token expired"))
    assert sink.flush(600)
    span = span_named(http.spans, SPAN_RUN)
    assert (span.status.code, span.status.message) == (Status.STATUS_CODE_ERROR, "token expired")
    assert attributes_of(span.attributes) == {"error.type": "InvalidAccessToken"}


def test_an_unsampled_run_makes_no_span(make_spans: MakeSink, http: OtlpReceiver) -> None:
    sink = make_spans(**http.environ, OTEL_TRACES_SAMPLER="always_off")
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
    make_spans: MakeSink, http: OtlpReceiver
) -> None:
    sink = make_spans(**http.environ)
    around = SpanContext(0xABC, 0xDEF, is_remote=True, trace_flags=TraceFlags(TraceFlags.SAMPLED))
    unsampled = SpanContext(0xABC, 0xDEF, is_remote=True)
    sink.handle(API_CALL)
    with trace.use_span(NonRecordingSpan(around)):
        sink.handle(DB_OPERATION)
    with trace.use_span(NonRecordingSpan(unsampled)):
        sink.handle(structs.replace(DB_OPERATION, table="unseen"))
    assert sink.flush(600)
    outside, below = http.spans
    assert outside.parent_span_id == b""
    assert any(outside.trace_id)
    assert int.from_bytes(below.trace_id) == 0xABC
    assert int.from_bytes(below.parent_span_id) == 0xDEF


def test_a_run_goes_below_the_context_it_is_given(make_spans: MakeSink, http: OtlpReceiver) -> None:
    sink = make_spans(**http.environ)
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
    make_spans: MakeSink, span_drops: SpanDrops, environ: dict[str, str]
) -> None:
    sink = make_spans(**environ)
    first, second = start_run(sink), start_run(sink)
    sink.handle(structs.replace(API_CALL, context=context_of(first)))
    sink.handle(API_CALL)
    first.end(end_time=START, error=ErrorInfo("X", "y"))
    assert not first.sampled
    assert len(first.trace_id) == 32
    assert len(first.span_id) == 16
    assert first.trace_id != second.trace_id
    assert sink.flush(0.0)
    assert span_drops.counts == {}


def test_without_a_collector_a_run_stands_for_the_span_around_it(make_spans: MakeSink) -> None:
    """What goes out to other services then names a span that exists."""
    around = SpanContext(0xABC, 0xDEF, is_remote=True, trace_flags=TraceFlags(TraceFlags.SAMPLED))
    with trace.use_span(NonRecordingSpan(around)):
        run = start_run(make_spans())
    assert run.span.get_span_context() == around
    assert not run.sampled


def test_other_events_make_no_span(make_spans: MakeSink, http: OtlpReceiver) -> None:
    sink = make_spans(**http.environ)
    run = start_run(sink)
    sink.handle(Progressed(context_of(run), START, 10.0, "Processing courses"))
    run.end(end_time=START)
    assert sink.flush(600)
    assert [span.name for span in http.spans] == [SPAN_RUN]


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


def test_spans_for_which_the_queue_has_no_room_are_counted(
    make_spans: MakeSink, span_drops: SpanDrops
) -> None:
    with silent_collector() as endpoint:
        sink = make_spans(
            OTEL_EXPORTER_OTLP_ENDPOINT=endpoint,
            OTEL_BSP_MAX_QUEUE_SIZE="10",
        )
        for _ in range(25):
            sink.handle(API_CALL)
        assert span_drops.counts == {("spans", "queue_full"): 15}
        assert not sink.flush(0.05)
        sink.close(0.05)
        sink.handle(API_CALL)
    assert span_drops.counts == {("spans", "queue_full"): 16, ("spans", "export_failed"): 10}


def test_spans_given_up_at_the_close_are_counted_once(
    make_spans: MakeSink, http: OtlpReceiver, span_drops: SpanDrops
) -> None:
    """Also when the export that was under way ends as a failure after the close."""
    http.rejecting = True
    http.gate.clear()
    sink = make_spans(**http.environ)
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
    assert span_drops.counts == {("spans", "export_failed"): 1}


@pytest.mark.parametrize("protocol", sorted(RECEIVERS))
@pytest.mark.parametrize("behaviour", sorted(BAD_COLLECTORS))
def test_flush_and_close_keep_to_their_time_when_the_collector_is_bad(
    make_spans: MakeSink, span_drops: SpanDrops, behaviour: str, protocol: str
) -> None:
    with BAD_COLLECTORS[behaviour]() as endpoint:
        sink = make_spans(
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
    assert span_drops.counts == {("spans", "export_failed"): 100}


def test_calls_from_many_threads_all_arrive(make_spans: MakeSink, http: OtlpReceiver) -> None:
    sink = make_spans(**http.environ)
    with ThreadPoolExecutor(8) as pool:
        for _ in pool.map(sink.handle, itertools.repeat(API_CALL, 1000)):
            pass
    assert sink.flush(600)
    spans = http.wait_for_spans(1000)
    assert len({span.span_id for span in spans}) == 1000


class _Span(NonRecordingSpan):
    """Notes what is set on it."""

    def __init__(self) -> None:
        super().__init__(SpanContext(1, 2, is_remote=False))
        self.recorded: dict[str, object] = {}

    def set_attribute(self, key: str, value: object) -> None:
        self.recorded[key] = value

    def set_status(self, status: object, description: str | None = None) -> None:
        assert isinstance(status, trace.Status)
        self.recorded["status"] = status.status_code, status.description

    def end(self, end_time: int | None = None) -> None:
        self.recorded["end"] = end_time


def test_the_end_of_a_span_says_what_ended_it_and_where() -> None:
    span, brief = _Span(), _Span()
    opened = OpenSpan(span, f"{1:032x}", f"{2:016x}", sampled=True)
    opened.end(end_time=1.5, error=ErrorInfo("Broken", "no", traceback=("one", "two")))
    assert span.recorded == {
        "error.type": "Broken",
        "code.stacktrace": "one\ntwo",
        "status": (trace.StatusCode.ERROR, "no"),
        "end": 1_500_000_000,
    }
    structs.replace(opened, span=brief).end(end_time=2.0)
    structs.replace(opened, span=brief, sampled=False).end(end_time=3.0)
    assert brief.recorded == {"end": 2_000_000_000}


class _RecordOnly(Sampler):
    """Records spans for the processors of this process, and exports none of them."""

    def should_sample(self, *_: object, **__: object) -> SamplingResult:
        return SamplingResult(Decision.RECORD_ONLY)

    def get_description(self) -> str:
        return "records only"


class _Ended(SpanProcessor):
    def __init__(self) -> None:
        self.names: list[str] = []

    def on_end(self, span: ReadableSpan) -> None:
        self.names.append(span.name)


def test_a_span_that_is_recorded_but_not_sampled_is_ended_once(
    make_spans: MakeSink, monkeypatch: pytest.MonkeyPatch
) -> None:
    provider, ended = TracerProvider(sampler=_RecordOnly()), _Ended()
    provider.add_span_processor(ended)
    monkeypatch.setattr(trace, "_TRACER_PROVIDER", provider)
    sink = make_spans()
    run = start_run(sink)
    step = sink.start_step(SPAN_STEP, attributes={}, parent=run, start_time=START)
    step.end(end_time=START)
    assert ended.names == []
    run.end(end_time=START)
    assert ended.names == [SPAN_RUN]
    assert (step.trace_id, run.sampled) == (run.trace_id, False)
