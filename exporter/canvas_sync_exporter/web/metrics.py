"""``/metrics``: the registry as text or OpenMetrics, and the exporter's own request metrics."""

from __future__ import annotations

import time
from typing import Final

from flask import Blueprint, Flask, Response, g, request
from prometheus_client import CollectorRegistry, Counter, Histogram

from .access import Access
from .auth import Scope
from .delivery import compress
from .endpoint import METHODS
from .exposition import expose

__all__ = ["HTTP_REQUESTS", "HTTP_REQUEST_DURATION", "count_requests", "metrics_blueprint"]

HTTP_REQUESTS: Final = "canvas_sync_exporter_http_requests_total"
HTTP_REQUEST_DURATION: Final = "canvas_sync_exporter_http_request_duration_seconds"


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
    requests = Counter(
        HTTP_REQUESTS,
        "HTTP requests that the exporter answered.",
        ("method", "endpoint", "status"),
        registry=registry,
    )
    durations = Histogram(
        HTTP_REQUEST_DURATION,
        "Duration of the exporter's answers.",
        ("method", "endpoint"),
        registry=registry,
    )

    @app.before_request
    def start() -> None:
        g.canvas_sync_start = time.perf_counter()

    @app.after_request
    def count(response: Response) -> Response:
        method = request.method if request.method in METHODS else "other"
        endpoint = str(request.url_rule) if request.url_rule else "other"
        requests.labels(method, endpoint, response.status_code).inc()
        durations.labels(method, endpoint).observe(time.perf_counter() - g.canvas_sync_start)
        return response
