"""``/metrics`` over HTTP."""

from __future__ import annotations

import gzip
from typing import TYPE_CHECKING, Any

import pytest
from prometheus_client.openmetrics.parser import (
    text_string_to_metric_families as parse_openmetrics,
)
from prometheus_client.parser import text_string_to_metric_families as parse_text
from sqlalchemy import Engine, event

from canvas_sync_core.metrics import MetricFiles
from canvas_sync_core.schema.metrics import MetricName

if TYPE_CHECKING:
    from .conftest import Exporter

PROMETHEUS_3 = (
    "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,"
    "application/openmetrics-text;version=0.0.1;q=0.5,text/plain;version=1.0.0;q=0.4,*/*;q=0.2"
)


def _count_a_run(exporter: Exporter) -> None:
    files = MetricFiles(exporter.config.app.metrics_folder)
    with files.lock:
        files.counter(MetricName.RUNS, ("full", "success")).add()
        histogram = files.histogram(MetricName.RUN_DURATION, ("full", "success"))
        histogram.observe(3.0, "0123456789abcdef0123456789abcdef", 1_700_000_000.0)
    files.close()


def test_plain_text_is_served_to_clients_that_ask_for_nothing_else(exporter: Exporter) -> None:
    _count_a_run(exporter)
    answer = exporter.get("/metrics")
    assert answer.headers["Content-Type"].startswith("text/plain; version=0.0.4")
    assert answer.headers["Cache-Control"] == "no-store"
    assert 'canvas_sync_runs_total{status="success",sync_type="full"} 1.0' in answer.text
    assert {family.name for family in parse_text(answer.text)} >= {
        "canvas_sync_runs",
        "canvas_sync_log_bytes",
        "canvas_sync_exporter_build_info",
        "canvas_sync_exporter_collector_success",
    }


def test_prometheus_gets_openmetrics_with_exemplars(exporter: Exporter) -> None:
    _count_a_run(exporter)
    answer = exporter.get("/metrics", headers={"Accept": PROMETHEUS_3})
    assert answer.headers["Content-Type"].startswith("application/openmetrics-text; version=1.0.0")
    exemplars = {
        sample.exemplar.labels["trace_id"]
        for family in parse_openmetrics(answer.text)  # type: ignore[no-untyped-call]  # no stubs
        for sample in family.samples
        if sample.exemplar
    }
    assert exemplars == {"0123456789abcdef0123456789abcdef"}


@pytest.mark.parametrize(
    ("accepted", "zipped"),
    [("gzip", True), ("deflate, gzip;q=0.5", True), ("identity", False), ("gzip;q=0", False)],
)
def test_gzip_is_used_when_it_is_accepted(exporter: Exporter, accepted: str, zipped: bool) -> None:
    answer = exporter.request("GET", "/metrics", headers={"Accept-Encoding": accepted}, stream=True)
    raw = answer.raw.read(decode_content=False)
    assert (answer.headers.get("Content-Encoding") == "gzip") is zipped
    assert set(answer.headers["Vary"].split(", ")) == {"Accept", "Accept-Encoding"}
    text = gzip.decompress(raw) if zipped else raw
    assert text.startswith(b"# HELP")


@pytest.mark.parametrize(
    "accept",
    [
        "application/openmetrics-text;version=abc",
        "application/openmetrics-text;version=1",
        "text/plain;version=\u00b2.0.0",
        ";;;,,,=",
        "application/openmetrics-text;escaping=" + "x" * 5000,
    ],
)
def test_a_strange_accept_header_is_answered(exporter: Exporter, accept: str) -> None:
    answer = exporter.get("/metrics", headers={"Accept": accept.encode("latin-1")})
    assert answer.status_code == 200
    assert b"canvas_sync_log_bytes" in answer.content


def test_the_exporters_own_requests_are_counted_by_route(exporter: Exporter) -> None:
    exporter.api("sync/1")
    exporter.api("sync/2")
    exporter.api("sync/999")
    exporter.get("/some/path")
    exporter.request("BREW", "/other/path")
    lines = exporter.get("/metrics").text.splitlines()
    name = "canvas_sync_exporter_http_requests_total"
    route = "/api/canvas/metrics/sync/<run_id>"
    assert f'{name}{{endpoint="{route}",method="GET",status="200"}} 2.0' in lines
    assert f'{name}{{endpoint="{route}",method="GET",status="404"}} 1.0' in lines
    assert f'{name}{{endpoint="other",method="GET",status="404"}} 1.0' in lines
    assert f'{name}{{endpoint="other",method="other",status="404"}} 1.0' in lines
    count = "canvas_sync_exporter_http_request_duration_seconds_count"
    assert f'{count}{{endpoint="{route}",method="GET"}} 3.0' in lines


def test_a_scrape_asks_no_database(exporter: Exporter) -> None:
    """Whatever the table holds, a scrape costs it nothing."""
    _count_a_run(exporter)
    statements: list[str] = []

    def note(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        statements.append(statement)

    event.listen(Engine, "before_cursor_execute", note)  # of any engine
    try:
        for accept in ("text/plain", PROMETHEUS_3):
            answer = exporter.get("/metrics", headers={"Accept": accept})
            assert (answer.status_code, "canvas_sync_runs_total" in answer.text) == (200, True)
        of_scrapes = list(statements)
        exporter.api("recent")
    finally:
        event.remove(Engine, "before_cursor_execute", note)
    assert of_scrapes == []
    assert statements
