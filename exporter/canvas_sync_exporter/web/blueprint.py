"""The REST API as a Flask blueprint, with its own error responses."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from operator import methodcaller
from typing import Any

from flask import Blueprint, Flask, Response, request
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from werkzeug.exceptions import HTTPException

from canvas_sync_core.errors import StorageError
from canvas_sync_core.names import HTTP_METHODS
from canvas_sync_core.store.rollups.periods import RollupsBehindError
from canvas_sync_exporter.logs.sources import LogFolderError
from canvas_sync_exporter.reasons import reason

from .access import Access
from .concurrency_limit import ConcurrencyLimit
from .context import WebContext
from .docs import add_docs
from .endpoint import Endpoint, find_endpoint, json_response
from .error_api import ErrorApi
from .expectation_api import ExpectationApi
from .headers import add_security_headers
from .incident_api import IncidentApi
from .log_api import LogApi
from .message_api import MessageApi
from .openapi import openapi_document
from .problems import ProblemError, http_problem
from .quota_api import QuotaApi
from .run_detail_api import RunDetailApi
from .runs_api import RunsApi
from .series_api import SeriesApi
from .shared_answers import SharedAnswers
from .statistics_api import StatisticsApi
from .upkeep_api import UpkeepApi

__all__ = ["REQUEST_LIMIT", "answer_problems", "api_blueprint"]

PREFIX = "/api/canvas/metrics"
REQUEST_LIMIT = 8
"""Maximum number of concurrent requests; health is not limited."""
_WAITING = 24
"""How many more may wait for a second: most requests take a few milliseconds."""


_ROOT, _, _PATH = PREFIX.rpartition("/")
_RELATIVE_ROOT = "../.."
"""Relative URL of the API from the OpenAPI document, which also works behind a silent proxy."""
_RETRY_SECONDS = 15
_BUSY = f"{REQUEST_LIMIT} requests are already in progress."
_BUSY_SECONDS = 1

_log = logging.getLogger(__name__)


def api_blueprint(context: WebContext) -> Blueprint:
    """Create the blueprint of the REST API, its OpenAPI document and its page."""
    blueprint = Blueprint("canvas_sync_api", __name__, url_prefix=_ROOT)
    answer_problems(blueprint)
    add_security_headers(blueprint)
    limit = ConcurrencyLimit(REQUEST_LIMIT, _BUSY, retry_seconds=_BUSY_SECONDS, waiting=_WAITING)
    endpoints = (
        *RunDetailApi(context).endpoints(),
        *RunsApi(context).endpoints(),
        *StatisticsApi(context).endpoints(),
        *SeriesApi(context).endpoints(),
        *ErrorApi(context).endpoints(),
        *QuotaApi(context).endpoints(),
        *IncidentApi(context).endpoints(),
        *MessageApi(context).endpoints(),
        *ExpectationApi(context).endpoints(),
        *LogApi(context).endpoints(),
        *UpkeepApi(context).endpoints(),
    )

    @blueprint.before_request
    def require_local_caller() -> None:
        context.access.require_local(request)

    @blueprint.get("/openapi.json")
    def openapi_json() -> Response:
        return json_response(
            openapi_document(endpoints, PREFIX, request.root_path or _RELATIVE_ROOT)
        )

    add_docs(blueprint)
    shared = SharedAnswers(context.fingerprints.read, methodcaller("is_small"))
    by_path: dict[str, list[Endpoint]] = {}
    for endpoint in endpoints:
        by_path.setdefault(endpoint.path, []).append(endpoint)
    for of_path in by_path.values():
        _add_endpoints(blueprint, of_path, context.access, limit, shared)

    @blueprint.route(f"/{_PATH}/", defaults={"rest": ""}, methods=HTTP_METHODS)
    @blueprint.route(f"/{_PATH}/<path:rest>", methods=HTTP_METHODS)
    def unknown(rest: str) -> Response:
        below = request.root_path
        raise ProblemError(404, f"There is no {below}{PREFIX}/{rest}; see {below}{_ROOT}/docs.")

    return blueprint


def _add_endpoints(
    blueprint: Blueprint,
    endpoints: Sequence[Endpoint],
    access: Access,
    limit: ConcurrencyLimit,
    shared: SharedAnswers,
) -> None:
    """Route every method to a path's endpoints, so that a wrong one is answered here."""

    def view(**path: str) -> Response:
        try:
            found = find_endpoint(endpoints, request.method)
            if isinstance(found, Response):
                return found
            return found.respond(access, limit, shared, path)
        except (
            HTTPException
        ) as error:  # here, because an app's handler for the status code would come first
            return http_problem(error).response()

    blueprint.add_url_rule(
        f"/{_PATH}/{endpoints[0].path}",
        endpoints[0].name,
        view,
        methods=HTTP_METHODS,
        provide_automatic_options=False,
    )


def answer_problems(scaffold: Blueprint | Flask) -> None:
    """Answer every error inside a blueprint or app as ``application/problem+json``."""
    scaffold.register_error_handler(ProblemError, ProblemError.response)
    scaffold.register_error_handler(HTTPException, _http_error)
    scaffold.register_error_handler(RollupsBehindError, _rollups_behind)
    for kind in (DBAPIError, PoolTimeoutError, StorageError, LogFolderError, OSError):
        scaffold.register_error_handler(kind, _out_of_reach)
    scaffold.register_error_handler(Exception, _own_bug)


def _http_error(error: HTTPException) -> Any:
    is_error = error.code is not None and error.code >= 400
    return http_problem(error).response() if is_error else error


def _rollups_behind(error: Exception) -> Response:
    return ProblemError(503, str(error), headers={"Retry-After": str(_RETRY_SECONDS)}).response()


def _out_of_reach(error: Exception) -> Response:
    why = reason(error)
    _log.warning("%s %s: database or files are out of reach: %s", request.method, request.path, why)
    return ProblemError(
        503,
        f"The database or the files are out of reach now: {why}",
        headers={"Retry-After": str(_RETRY_SECONDS)},
    ).response()


def _own_bug(error: Exception) -> Response:
    _log.error("%s %s failed", request.method, request.path, exc_info=error)
    return ProblemError(500, "Internal error; see the exporter's log.").response()
