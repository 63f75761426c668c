"""The web pages as a Flask blueprint."""

from __future__ import annotations

import logging
from collections.abc import Callable
from functools import partial
from http import HTTPStatus
from typing import Any, Final

from flask import Blueprint, Request, Response, request
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from werkzeug.exceptions import HTTPException, NotFound

from canvas_sync_core.errors import StorageError
from canvas_sync_core.store.rollups.periods import RollupsBehindError
from canvas_sync_exporter.logs.sources import LogFolderError
from canvas_sync_exporter.reasons import reason
from canvas_sync_exporter.web.context import WebContext
from canvas_sync_exporter.web.delivery import compress
from canvas_sync_exporter.web.headers import add_security_headers
from canvas_sync_exporter.web.problems import ProblemError, http_problem

from .assets import assets
from .page import Page
from .pages import PAGES
from .requests import is_browser
from .responses import PageResponse
from .sessions import Sessions
from .site import SignInNeeded, Site
from .visitors import Visitors

__all__ = ["ui_blueprint"]

_FOR_A_YEAR: Final = "public, max-age=31536000, immutable"
_RETRY_SECONDS: Final = 15
_OUT_OF_REACH: Final = (DBAPIError, PoolTimeoutError, StorageError, LogFolderError, OSError)

_log = logging.getLogger(__name__)


def ui_blueprint(
    context: WebContext,
    *,
    prefix: str = "",
    authorize: Callable[[Request], bool] | None = None,
    is_whole_app: bool = False,
) -> Blueprint:
    """Create the blueprint of the web pages.

    Args:
        context: What the pages show.
        prefix: Where they are in the app: empty, or such as ``/canvas-sync``.
        authorize: The login of the app, instead of tokens; None without one.
        is_whole_app: Whether the app is the exporter's own, so that paths which nothing serves are
            answered here too.
    """
    sessions = Sessions(context.configuration.app.state_folder / "ui.key")
    visitors = Visitors(context.access, sessions, authorize)
    site = Site(context, visitors, sessions, PAGES, prefix)
    blueprint = Blueprint("canvas_sync_ui", __name__, url_prefix=prefix or None)
    add_security_headers(blueprint)
    _answer_errors(blueprint, site)
    if is_whole_app:
        _answer_unrouted(blueprint, site)
    _add_assets(blueprint)
    for page in PAGES:
        _add_page(blueprint, site, page)
    if visitors.sign_in:
        _add_sign_in(blueprint, site)
    return blueprint


def _add_page(blueprint: Blueprint, site: Site, page: Page) -> None:
    def show(**path: str) -> Response:
        return site.show(page, path)

    blueprint.add_url_rule(f"/{page.path}", page.name, show)
    for action in page.actions:
        blueprint.add_url_rule(
            f"/{action.path}",
            action.name,
            partial(lambda action, **path: site.act(page, action, path), action),
            methods=["POST"],
        )
    for feed in page.feeds:
        blueprint.add_url_rule(
            f"/{feed.path}",
            feed.name,
            partial(lambda feed, **path: site.feed(page, feed, path), feed),
        )


def _add_sign_in(blueprint: Blueprint, site: Site) -> None:
    @blueprint.get("/sign-in")
    def sign_in_form() -> Response:
        return site.sign_in_form()

    @blueprint.post("/sign-in")
    def sign_in() -> Response:
        return site.sign_in()

    @blueprint.post("/sign-out")
    def sign_out() -> Response:
        return site.sign_out()


def _add_assets(blueprint: Blueprint) -> None:
    @blueprint.get("/assets/<name>")
    def asset(name: str) -> Response:
        for each in assets().values():
            if each.name == name:
                answer = PageResponse(each.content, content_type=each.media_type)
                answer.headers["Cache-Control"] = _FOR_A_YEAR
                return compress(answer, each)
        raise NotFound


def _answer_errors(blueprint: Blueprint, site: Site) -> None:
    """Answer every error with a page that says what happened and what to do."""

    def http_error(error: HTTPException) -> Any:
        is_error = error.code is not None and error.code >= 400
        return site.failed(http_problem(error)) if is_error else error

    def out_of_reach(error: Exception) -> Response:
        why = reason(error)
        _log.warning(
            "%s %s: database or files are out of reach: %s", request.method, request.path, why
        )
        return site.failed(
            ProblemError(
                503,
                f"The database or the files are out of reach now: {why}",
                headers={"Retry-After": str(_RETRY_SECONDS)},
            )
        )

    def rollups_behind(error: Exception) -> Response:
        headers = {"Retry-After": str(_RETRY_SECONDS)}
        return site.failed(ProblemError(503, str(error), headers=headers))

    def own_bug(error: Exception) -> Response:
        _log.error("%s %s failed", request.method, request.path, exc_info=error)
        return site.failed(ProblemError(500, "Internal error; see the exporter's log."))

    def sign_in_needed(_: SignInNeeded) -> Response:
        return site.send_to_sign_in()

    blueprint.register_error_handler(ProblemError, site.failed)
    blueprint.register_error_handler(HTTPException, http_error)
    blueprint.register_error_handler(SignInNeeded, sign_in_needed)
    blueprint.register_error_handler(RollupsBehindError, rollups_behind)
    for kind in _OUT_OF_REACH:
        blueprint.register_error_handler(kind, out_of_reach)
    blueprint.register_error_handler(Exception, own_bug)


def _answer_unrouted(blueprint: Blueprint, site: Site) -> None:
    """Answer what no route of the app serves: a browser with a page, a program with JSON."""

    def unrouted(error: HTTPException) -> Response:
        problem = http_problem(error)
        return site.failed(problem) if is_browser(request) else problem.response()

    for status in (HTTPStatus.NOT_FOUND, HTTPStatus.METHOD_NOT_ALLOWED):
        blueprint.app_errorhandler(status)(unrouted)
