"""The collector's configuration in a real collector, where the machine has one."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import requests
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor

from canvas_sync_demo.processes import free_port
from support.http_answers import answering
from support.otlp import grpc_receiver
from support.prometheus import eventually

COLLECTOR = shutil.which("otelcol-contrib") or shutil.which("otelcol") or ""
pytestmark = pytest.mark.skipif(not COLLECTOR, reason="needs OpenTelemetry's collector")


@contextmanager
def collector(config: Path, output: Path) -> Iterator[None]:
    with output.open("wb") as file:
        process = subprocess.Popen([COLLECTOR, f"--config={config}"], stdout=file, stderr=file)
    try:
        yield
    finally:
        process.terminate()
        process.wait(600)


def test_the_configuration_is_valid(repository: Path, tmp_path: Path) -> None:
    text = (repository / "deploy" / "otel-collector" / "config.yml").read_text()
    config = tmp_path / "config.yml"
    config.write_text(text.replace("/var/lib/otelcol", str(tmp_path)))
    command = [COLLECTOR, "validate", f"--config={config}"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=600, check=False)
    assert done.returncode == 0, done.stderr


def test_a_span_reaches_tempo_and_becomes_a_metric_and_a_log_line_reaches_loki(
    repository: Path, tmp_path: Path
) -> None:
    """Ports, folders and addresses are those of the test; the rest is as delivered."""
    text = (repository / "deploy" / "otel-collector" / "config.yml").read_text()
    logs = tmp_path / "logs"
    logs.mkdir()
    (logs / "operations.log").write_text("a line of the text format\n")
    with grpc_receiver() as tempo, answering() as loki:
        ports = {port: free_port(0) for port in re.findall(r"0\.0\.0\.0:(\d+)", text)}
        for port, own in ports.items():
            text = text.replace(f"0.0.0.0:{port}", f"127.0.0.1:{own}")
        for old, new in {
            "/data/logs": str(logs),
            "/var/lib/otelcol": str(tmp_path / "state"),
            "tempo:4317": tempo.endpoint.removeprefix("http://"),
            "http://loki:3100": loki.url,
            "host: 0.0.0.0": "host: 127.0.0.1",
            "port: 8888": f"port: {free_port(0)}",
            "metrics_flush_interval: 15s": "metrics_flush_interval: 1s",
        }.items():
            assert old in text, old
            text = text.replace(old, new)
        config = tmp_path / "config.yml"
        config.write_text(text)
        with collector(config, tmp_path / "output"):
            eventually(lambda: _is_well(ports["13133"]), "the collector is ready")
            otlp, metrics = (f"http://127.0.0.1:{ports[port]}" for port in ("4318", "8889"))
            eventually(lambda: _has_exemplar(otlp, metrics), "a metric leads to a trace")
            assert tempo.wait_for_spans(1)[0].name == "canvas.sync"
            assert {"service.name": "canvas-sync"}.items() <= tempo.resources[0].items()
            eventually(lambda: ("POST", "/otlp/v1/logs") in loki.requests, "the line arrives")


def _is_well(port: str | int) -> bool:
    try:
        return requests.get(f"http://127.0.0.1:{port}", timeout=60).ok
    except requests.ConnectionError:
        return False


def _has_exemplar(otlp: str, metrics: str) -> bool:
    """Send a span; an exemplar is there until the next spans are counted."""
    provider = TracerProvider(resource=Resource.create({"service.name": "canvas-sync"}))
    provider.add_span_processor(SimpleSpanProcessor(OTLPSpanExporter(f"{otlp}/v1/traces")))
    with provider.get_tracer("test").start_as_current_span("canvas.sync"):
        pass
    provider.shutdown()
    accepted = {"Accept": "application/openmetrics-text"}
    text = requests.get(f"{metrics}/metrics", headers=accepted, timeout=60).text
    return (
        re.search(r'traces_span_metrics_duration_seconds_bucket.*# \{.*trace_id="', text)
        is not None
    )
