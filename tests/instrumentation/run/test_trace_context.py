"""How a run fits into its trace."""

from __future__ import annotations

import pytest
from opentelemetry import context as otel_context
from opentelemetry import trace
from opentelemetry.trace import (
    INVALID_SPAN_CONTEXT,
    NonRecordingSpan,
    SpanContext,
    TraceFlags,
)

from canvas_sync_core.events import RunContext
from canvas_sync_instrumentation.outputs.spans import OpenSpan
from canvas_sync_instrumentation.run.trace_context import (
    new_identity,
    received_trace,
    remote_parent,
    trace_links,
    traced,
    with_current,
)


def test_the_link_of_a_run_is_to_the_span_that_asked_for_it() -> None:
    (link,) = trace_links({"traceparent": f"00-{'ab' * 16}-{'cd' * 8}-01"})
    assert link.context.trace_id == int("ab" * 16, 16)
    assert link.context.span_id == int("cd" * 8, 16)


@pytest.mark.parametrize("headers", [{}, {"x": "y"}, {"traceparent": "00-0-0-01"}])
def test_headers_that_name_no_span_make_no_link(headers: dict[str, str]) -> None:
    assert trace_links(headers) == []


@pytest.mark.parametrize(
    "headers",
    [
        {"Traceparent": f"00-{'ab' * 16}-{'cd' * 8}-01"},
        {"TRACEPARENT": f"00-{'ab' * 16}-{'cd' * 8}-01".encode(), "other": None},
        {b"traceparent": f"00-{'ab' * 16}-{'cd' * 8}-01".encode(), b"tracestate": b"a=b"},
    ],
    ids=["of a web framework", "of a broker", "of ASGI"],
)
def test_headers_are_read_in_any_case_and_as_bytes(headers: dict[str, str]) -> None:
    span = trace.get_current_span(received_trace(headers)).get_span_context()
    assert (span.trace_id, span.span_id) == (int("ab" * 16, 16), int("cd" * 8, 16))


def _span(span_id: int, *, sampled: bool = True) -> SpanContext:
    flags = TraceFlags(TraceFlags.SAMPLED if sampled else TraceFlags.DEFAULT)
    return SpanContext(0xABC, span_id, is_remote=False, trace_flags=flags)


def _open(span: SpanContext) -> OpenSpan:
    sampled = span.trace_flags.sampled
    ids = f"{span.trace_id:032x}", f"{span.span_id:016x}"
    return OpenSpan(NonRecordingSpan(span), *ids, sampled=sampled)


def _run(*, sampled: bool = True) -> RunContext:
    ids = f"{0xABC:032x}", f"{0xDEF:016x}"
    return RunContext("a", 42, 7, "full", *ids, sampled=sampled)


def test_the_run_of_the_parent_process_is_the_parent_span() -> None:
    context = remote_parent(_run())
    assert context is not None
    span = trace.get_current_span(context).get_span_context()
    assert (span.trace_id, span.span_id, span.is_remote) == (0xABC, 0xDEF, True)
    assert span.trace_flags.sampled


def test_there_is_no_remote_parent_without_a_sampled_run_or_beside_a_local_span() -> None:
    assert remote_parent(None) is None
    assert remote_parent(_run(sampled=False)) is None
    with trace.use_span(NonRecordingSpan(_span(1))):
        assert remote_parent(_run()) is None


@pytest.mark.parametrize("sampled", [True, False])
def test_a_traced_run_has_the_ids_of_its_span(sampled: bool) -> None:
    found = traced(_run(), _open(_span(1, sampled=sampled)))
    assert (found.trace_id, found.span_id) == (f"{0xABC:032x}", f"{1:016x}")
    assert found.sampled is sampled
    assert (found.task_id, found.user_id, found.course_id, found.sync_type) == ("a", 42, 7, "full")


def test_only_a_valid_span_becomes_the_current_one() -> None:
    span = _open(_span(1))
    with trace.use_span(NonRecordingSpan(_span(2))):
        here = otel_context.get_current()
        assert with_current(None) is here
        assert with_current(_open(INVALID_SPAN_CONTEXT)) is here
        assert trace.get_current_span(with_current(span)) is span.span


def test_a_new_run_has_ids_of_its_own_and_is_not_sampled() -> None:
    one, other = (new_identity("a", 42, 7, "full") for _ in range(2))
    assert one.trace_id != other.trace_id
    assert (one.task_id, one.user_id, one.course_id, one.sync_type) == ("a", 42, 7, "full")
    assert not one.sampled
