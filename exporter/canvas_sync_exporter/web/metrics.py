"""``/metrics``: the registry as text or OpenMetrics, and the exporter's own request metrics."""

from __future__ import annotations

import time

from flask import Blueprint, Flask, Response, g, request
from prometheus_client import CollectorRegistry, Counter, Histogram

from canvas_sync_core.locks import Lock
from canvas_sync_core.metrics.label_bounds import LabelBounds
from canvas_sync_core.names import OTHER
from canvas_sync_core.schema.metrics import METRICS, MetricName

from .access import Access
from .auth import Scope
from .delivery import compress
from .exposition import expose

__all__ = ["count_requests", "metrics_blueprint"]


def metrics_blueprint(registry: CollectorRegistry, access: Access) -> Blueprint:
    """Make the blueprint that serves ``/metrics``."""
    blueprint = Blueprint("canvas_sync_exporter", __name__)

    @blueprint.get("/metrics")
    def metrics() -> Response:
        access.require(request, Scope.METRICS)
        body, content_type = expose(registry.collect(), request.headers.get("Accept", ""))
        response = Response(body, content_type=content_type)
        response.headers["Cache-Control"] = "no-store"
        response.vary.add("Accept")
        return compress(response)

    return blueprint


def count_requests(app: Flask, registry: CollectorRegistry) -> None:
    """Count and time the requests that an app answers."""
    counted, timed = MetricName.HTTP_REQUESTS, MetricName.HTTP_REQUEST_DURATION
    spec = METRICS[counted]
    requests = Counter(counted, spec.help, spec.label_names, registry=registry)
    spec = METRICS[timed]
    durations = Histogram(
        timed, spec.help, spec.label_names, registry=registry, buckets=spec.buckets
    )
    bounds, mutex = LabelBounds(), Lock()

    @app.before_request
    def start() -> None:
        g.canvas_sync_start = time.perf_counter()

    @app.after_request
    def count(response: Response) -> Response:
        endpoint = str(request.url_rule) if request.url_rule else OTHER
        with mutex:
            labels = bounds.apply(counted, (request.method, endpoint, str(response.status_code)))
        requests.labels(*labels).inc()
        durations.labels(*labels[:2]).observe(time.perf_counter() - g.canvas_sync_start)
        return response
