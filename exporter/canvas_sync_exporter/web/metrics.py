"""``/metrics``: the registry as text or OpenMetrics, and the exporter's own request metrics."""

from __future__ import annotations

import time
from typing import Final

from flask import Blueprint, Flask, Response, g, request
from prometheus_client import CollectorRegistry, Counter, Histogram

from canvas_sync_core.locks import Lock
from canvas_sync_core.metrics.label_bounds import LabelBounds
from canvas_sync_core.names import OTHER
from canvas_sync_core.schema.metrics import METRICS, MetricName

from .access import Access
from .auth import Scope
from .delivery import compress_parts
from .exposition import expose
from .response_cache import set_request_labels

__all__ = ["RequestMetrics", "metrics_blueprint"]

_COUNTED: Final = MetricName.HTTP_REQUESTS
_TIMED: Final = MetricName.HTTP_REQUEST_DURATION


def metrics_blueprint(registry: CollectorRegistry, access: Access) -> Blueprint:
    """Make the blueprint that serves ``/metrics``."""
    blueprint = Blueprint("canvas_sync_exporter", __name__)

    @blueprint.get("/metrics")
    def metrics() -> Response:
        access.require(request, Scope.METRICS)
        parts, content_type = expose(registry.collect(), request.headers.get("Accept", ""))
        response = Response(content_type=content_type)
        response.headers["Cache-Control"] = "no-store"
        response.vary.add("Accept")
        return compress_parts(response, parts)

    return blueprint


class RequestMetrics:
    """Counts and times requests.

    Args:
        registry: What shows the metrics.
    """

    def __init__(self, registry: CollectorRegistry) -> None:
        spec = METRICS[_COUNTED]
        self._requests = Counter(_COUNTED, spec.help, spec.label_names, registry=registry)
        spec = METRICS[_TIMED]
        self._durations = Histogram(
            _TIMED, spec.help, spec.label_names, registry=registry, buckets=spec.buckets
        )
        self._bounds, self._mutex = LabelBounds(), Lock()

    def follow(self, app: Flask) -> None:
        """Count the requests that an app answers."""

        @app.before_request
        def start() -> None:
            g.canvas_sync_start = time.perf_counter()

        @app.after_request
        def count(response: Response) -> Response:
            endpoint = str(request.url_rule) if request.url_rule else OTHER
            values = request.method, endpoint, str(response.status_code)
            with self._mutex:
                labels = self._bounds.apply(_COUNTED, values)
            set_request_labels(request.environ, labels)
            self.count(labels, time.perf_counter() - g.canvas_sync_start)
            return response

    def count(self, labels: tuple[str, ...], seconds: float) -> None:
        """Count one request.

        Args:
            labels: Method, endpoint and status.
            seconds: How long it took.
        """
        self._requests.labels(*labels).inc()
        self._durations.labels(*labels[:2]).observe(seconds)
