"""Spans wait in a queue that keeps to every timeout and counts what it drops."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from threading import Event

import pytest
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult
from opentelemetry.trace import SpanContext, TraceFlags

from canvas_sync_core.threads import Daemon
from canvas_sync_instrumentation.outputs._span_queue import SpanQueue

_LONG = 600.0


class _Exporter(SpanExporter):
    """Notes what it exports; waits first while ``may_go_on`` is not set."""

    def __init__(self) -> None:
        self.batches: list[list[str]] = []
        self.result = SpanExportResult.SUCCESS
        self.is_exporting, self.may_go_on, self.is_shut_down = Event(), Event(), Event()
        self.may_go_on.set()

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        self.is_exporting.set()
        assert self.may_go_on.wait(_LONG)
        self.batches.append([span.name for span in spans])
        return self.result

    def shutdown(self) -> None:
        self.is_shut_down.set()


@pytest.fixture
def exporter() -> Iterator[_Exporter]:
    made = _Exporter()
    yield made
    made.may_go_on.set()


@pytest.fixture
def drops() -> Counter[str]:
    return Counter()


MakeQueue = Callable[..., SpanQueue]


@pytest.fixture
def make_queue(exporter: _Exporter, drops: Counter[str]) -> Iterator[MakeQueue]:
    made: list[SpanQueue] = []

    def on_drop(sink: str, reason: str, count: int = 1) -> None:
        drops[f"{sink} {reason}"] += count

    def make(capacity: int = 100, batch_size: int = 10, delay: float = _LONG) -> SpanQueue:
        queue = SpanQueue(exporter, on_drop, capacity=capacity, batch_size=batch_size, delay=delay)
        made.append(queue)
        return queue

    yield make
    exporter.may_go_on.set()
    for queue in made:
        queue.close(_LONG)


def _span(name: str, *, sampled: bool = True) -> ReadableSpan:
    flags = TraceFlags(TraceFlags.SAMPLED if sampled else TraceFlags.DEFAULT)
    return ReadableSpan(name, SpanContext(1, 2, is_remote=False, trace_flags=flags))


def test_only_sampled_spans_are_exported(make_queue: MakeQueue, exporter: _Exporter) -> None:
    queue = make_queue()
    for span in (_span("a"), _span("b", sampled=False), ReadableSpan("c")):
        queue.on_end(span)
    assert queue.flush(_LONG)
    assert exporter.batches == [["a"]]


def test_a_full_batch_is_sent_at_once(make_queue: MakeQueue, exporter: _Exporter) -> None:
    queue = make_queue(batch_size=2)
    queue.put(_span("a"))
    queue.put(_span("b"))
    assert exporter.is_exporting.wait(_LONG)
    assert queue.flush(_LONG)
    assert exporter.batches == [["a", "b"]]


def test_a_batch_larger_than_the_queue_is_sent_when_the_queue_is_full(
    make_queue: MakeQueue, exporter: _Exporter
) -> None:
    make_queue(capacity=1, batch_size=10).put(_span("a"))
    assert exporter.is_exporting.wait(_LONG)


def test_an_incomplete_batch_is_sent_after_the_delay(
    make_queue: MakeQueue, exporter: _Exporter
) -> None:
    make_queue(delay=0.01).put(_span("a"))
    assert exporter.is_exporting.wait(_LONG)


def test_many_spans_are_sent_in_batches(make_queue: MakeQueue, exporter: _Exporter) -> None:
    exporter.may_go_on.clear()
    queue = make_queue(batch_size=2)
    for number in range(5):
        queue.put(_span(f"{number}"))
    exporter.may_go_on.set()
    assert queue.flush(_LONG)
    assert exporter.batches == [["0", "1"], ["2", "3"], ["4"]]


def test_a_span_is_created_when_it_is_exported_unless_it_is_not_recorded(
    make_queue: MakeQueue, exporter: _Exporter, drops: Counter[str]
) -> None:
    exporter.result = SpanExportResult.FAILURE
    queue = make_queue()
    queue.put(lambda: _span("late"))
    queue.put(lambda: None)
    assert queue.flush(_LONG)
    queue.put(lambda: None)
    assert queue.flush(_LONG)
    assert exporter.batches == [["late"]]
    assert drops == {"spans export_failed": 1}


def test_a_batch_in_progress_takes_room_in_the_queue(
    make_queue: MakeQueue, exporter: _Exporter, drops: Counter[str]
) -> None:
    exporter.may_go_on.clear()
    queue = make_queue(capacity=2, batch_size=1)
    queue.put(_span("a"))
    assert exporter.is_exporting.wait(_LONG)
    queue.put(_span("b"))
    queue.put(_span("c"))
    exporter.may_go_on.set()
    assert queue.flush(_LONG)
    assert (exporter.batches, drops) == ([["a"], ["b"]], {"spans queue_full": 1})


def test_a_flush_keeps_to_its_time(make_queue: MakeQueue, exporter: _Exporter) -> None:
    queue = make_queue()
    assert queue.flush(0), "nothing waits"
    exporter.may_go_on.clear()
    queue.put(_span("a"))
    assert not queue.flush(0.01)
    assert not queue.force_flush(10)
    exporter.may_go_on.set()
    assert queue.force_flush()


def test_the_sdk_flushes_in_milliseconds(
    make_queue: MakeQueue, monkeypatch: pytest.MonkeyPatch
) -> None:
    queue = make_queue()
    timeouts: list[float] = []
    monkeypatch.setattr(queue, "flush", timeouts.append)
    queue.force_flush()
    queue.force_flush(1500)
    assert timeouts == [30.0, 1.5]


def test_a_close_sends_what_waits_and_shuts_the_exporter_down(
    make_queue: MakeQueue, exporter: _Exporter, drops: Counter[str]
) -> None:
    queue = make_queue()
    queue.put(_span("a"))
    queue.close(_LONG)
    assert (exporter.batches, exporter.is_shut_down.is_set()) == ([["a"]], True)
    queue.put(_span("too late"))
    queue.shutdown()
    assert drops == {"spans queue_full": 1}


def test_a_close_without_any_span_shuts_the_exporter_down(
    make_queue: MakeQueue, exporter: _Exporter
) -> None:
    make_queue().close(0)
    assert exporter.is_shut_down.is_set()


def test_a_close_counts_the_spans_that_it_gives_up_once(
    make_queue: MakeQueue, exporter: _Exporter, drops: Counter[str]
) -> None:
    """Whether the exporter still hangs or goes on later; marks of flushes are no spans."""
    exporter.may_go_on.clear()
    queue = make_queue(batch_size=1)
    for name in "abc":
        queue.put(_span(name))
    assert exporter.is_exporting.wait(_LONG)
    assert not queue.flush(0)
    queue.close(0.01)
    assert drops == {"spans export_failed": 3}
    assert not queue.flush(_LONG), "it does not wait for what was given up"
    exporter.may_go_on.set()
    queue.close(_LONG)
    assert drops == {"spans export_failed": 3}


def test_a_child_does_not_send_the_spans_of_its_parent(
    make_queue: MakeQueue, exporter: _Exporter
) -> None:
    queue = make_queue()
    queue.put(_span("of the parent"))
    queue.after_fork_in_child()
    queue.put(_span("of the child"))
    assert queue.flush(_LONG)
    assert exporter.batches == [["of the child"]]


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # a fork beside threads, in Python 3.12
@pytest.mark.parametrize("takes_over", [True, False])
def test_spans_that_waited_for_a_thread_are_sent_by_the_parent_or_a_child(
    make_queue: MakeQueue,
    exporter: _Exporter,
    drops: Counter[str],
    monkeypatch: pytest.MonkeyPatch,
    takes_over: bool,
) -> None:
    queue = make_queue()
    with monkeypatch.context() as patch:
        patch.setattr(Daemon, "start", lambda _: False)
        queue.put(_span("waits"))
        assert not queue.flush(_LONG)
    if takes_over:
        child = os.fork()
        if not child:
            queue.after_fork_in_child()
            os._exit(0)
        os.waitpid(child, 0)
    queue.put(_span("later"))
    assert queue.flush(_LONG)
    assert exporter.batches == ([["later"]] if takes_over else [["waits", "later"]])
    assert drops == {}
