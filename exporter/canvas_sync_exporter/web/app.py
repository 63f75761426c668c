"""Makes the exporter's web app, or adds its REST API to an app of your own."""

from __future__ import annotations

from typing import Any, Final

from flask import Blueprint, Flask, Response, redirect, request
from prometheus_client import CollectorRegistry

from .app_context import context_of
from .blueprint import answer_problems, api_blueprint
from .context import WebContext
from .headers import add_security_headers
from .metrics import RequestMetrics, metrics_blueprint
from .proxies import TrustedProxies
from .response_cache import ResponseCache
from .runbooks import runbooks_blueprint

__all__ = ["create_app", "register_canvas_metrics_api"]

_METHODS: Final = "GET, HEAD, POST, OPTIONS"
"""Those that some endpoint has."""


def create_app(context: WebContext, registry: CollectorRegistry, *further: Blueprint) -> Flask:
    """Make the exporter's own app: ``/metrics``, the REST API with its documentation, runbooks.

    Args:
        context: What it serves from.
        registry: What ``/metrics`` shows; the app's own request metrics are added to it.
        further: Other blueprints, such as the web pages.
    """
    app = Flask(__package__, static_folder=None)
    app.config["MAX_CONTENT_LENGTH"] = 64 * 1024
    app.url_map.merge_slashes = False  # it redirects, to a URL that may not be that of a proxy
    metrics = RequestMetrics(registry)
    metrics.follow(app)
    answer_problems(app)
    add_security_headers(app)

    @app.before_request
    def require_local_caller() -> None:
        context.access.require_local(request)

    @app.before_request
    def answer_for_the_whole_server() -> Response | None:
        # RFC 9110, 9.3.7: what the server can do, rather than a resource.
        is_asked = request.method == "OPTIONS" and request.environ["PATH_INFO"] == "*"
        return Response(status=204, headers={"Allow": _METHODS}) if is_asked else None

    app.register_blueprint(metrics_blueprint(registry, context.access))
    app.register_blueprint(api_blueprint(context))
    app.register_blueprint(runbooks_blueprint())

    for blueprint in further:
        app.register_blueprint(blueprint)

    @app.get("/runbooks")
    def runbooks() -> Any:
        return redirect("runbooks/")  # relative, so that it stays below the path of a proxy

    app.wsgi_app = ResponseCache(app.wsgi_app, metrics.count)  # type: ignore[method-assign]
    if proxies := context.configuration.exporter.trusted_proxies:
        app.wsgi_app = TrustedProxies(app.wsgi_app, proxies)  # type: ignore[method-assign]
    return app


def register_canvas_metrics_api(app: Flask) -> None:
    """Add the REST API and its documentation to an app of your own, and change nothing else.

    The settings are those of the exporter; where ``app.config`` has one by its name
    (``CANVAS_SYNC_LOG_DIR``), that wins over the environment. Recurring jobs, such as the nightly
    cleanup, do not run in your app but in ``canvas-sync-monitor serve``. Without a tokens file only
    callers on the same machine are answered.

    Args:
        app: The app; its routes under ``/api/canvas/`` must not be those of this API.

    Raises:
        SettingsError: A setting or the tokens file cannot be used.
    """
    app.register_blueprint(api_blueprint(context_of(app)))
