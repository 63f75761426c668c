"""``docs/reference/spans.md`` names each span and attribute that reaches a collector."""

from __future__ import annotations

import contextlib
import os

from canvas_sync_instrumentation import CanvasSyncMetricsTracker, configure, shutdown
from support.markdown import DOCS, table
from support.otlp import OtlpReceiver, attributes_of, http_receiver

PAGE = DOCS / "reference" / "spans.md"
SUM = "{OPERATION} {table}, several"
SPANS = ("canvas.sync", "canvas.sync.step", "{METHOD} {route}", "{OPERATION} {table}", SUM)


def _play() -> None:
    """Do everything that a span can tell of."""
    headers = {
        "Content-Length": "2",
        "X-Rate-Limit-Remaining": "12.5",
        "X-Request-Cost": "0.5",
        "X-Request-Context-Id": "b5ac-11",
        "X-Canvas-Meta": "o=courses;n=show;q=1200;u=0.1;y=0.01;d=0.05;",
    }
    with CanvasSyncMetricsTracker("documented", 42, course_id=7) as run:
        for status in (429, 404):
            url = "https://canvas.example.edu:8443/api/v1/courses/7"
            run.record_api_call("GET", url, status, 0.1, headers=headers, items=0)
        run.record_api_call("GET", url, None, 0.1, error=OSError("reset"))
        run.record_db_operation("INSERT", "courses", 20, 0.1, batch=True, error=OSError("full"))
        for _ in range(3):
            run.record_db_operation("INSERT", "grades", 1, 0.001)
        with run.step("grades"):
            raise OSError("The disk is full.")


def _attributes(receiver: OtlpReceiver, count: int) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {name: set() for name in SPANS}
    for span in receiver.wait_for_spans(count):
        names = set(attributes_of(span.attributes))
        kind = span.name
        if "url.template" in names:
            kind = "{METHOD} {route}"
        elif "canvas.db.operations" in names:
            kind = SUM
        elif "db.operation.name" in names:
            kind = "{OPERATION} {table}"
        found[kind] |= names
    return found


def test_each_span_is_documented() -> None:
    assert tuple(table(PAGE, "span")) == SPANS


def test_each_attribute_that_a_collector_gets_is_documented() -> None:
    with http_receiver() as receiver:
        one = {"CANVAS_SYNC_DB_SUM_UP_AFTER": "1"}
        configure(environ={**os.environ, **receiver.environ, **one})
        with contextlib.suppress(OSError):
            _play()
        found = _attributes(receiver, 8)
        shutdown()

    # Made by hand, a call repeats none and has no body; the hooks see both.
    found["{METHOD} {route}"] |= {"http.request.resend_count", "graphql.operation.name"}
    assert {name: set(table(PAGE, f"attribute of `{name}`")) for name in SPANS} == found
