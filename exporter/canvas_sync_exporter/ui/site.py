"""Answers requests for pages: who may see them, and how they are rendered."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any, Final
from urllib.parse import quote, urlencode, urlsplit

from flask import Response, request

from canvas_sync_exporter.rendering import render
from canvas_sync_exporter.web.auth import Scope
from canvas_sync_exporter.web.concurrency_limit import ConcurrencyLimit
from canvas_sync_exporter.web.context import WebContext
from canvas_sync_exporter.web.delivery import deliver
from canvas_sync_exporter.web.endpoint import json_response
from canvas_sync_exporter.web.problems import ProblemError

from . import charts
from .assets import assets
from .attempts import AttemptLimit
from .fingerprint import fingerprint
from .page import Action, Feed, Page, Sent
from .recent_tags import RecentTags
from .requests import make_view, wants_json
from .responses import PageResponse
from .same_origin import require_same_origin
from .sessions import COOKIE, SESSION_SECONDS, Sessions
from .view import View
from .visitors import Visitor, Visitors

__all__ = ["Site"]

_REQUEST_LIMIT: Final = 8
_BUSY: Final = f"{_REQUEST_LIMIT} requests are already in progress."
_LONGEST_TOKEN: Final = 500
_BIGGEST: Final = 2**63 - 1
"""The largest number that a database stores."""
_PLACEHOLDER: Final = re.compile(r"<(?:[^:<>]+:)?(?P<name>\w+)>")


class SignInNeeded(Exception):  # noqa: N818 - not an error: the visitor is sent to the sign-in
    """A visitor who has not signed in wants to see a page."""


class Site:
    """All pages, and the sign-in.

    Args:
        context: What the pages show.
        visitors: Who may see them.
        sessions: The cookies.
        pages: The pages.
        prefix: Where they are mounted in the app: empty, or such as ``/canvas-sync``.
    """

    def __init__(
        self,
        context: WebContext,
        visitors: Visitors,
        sessions: Sessions,
        pages: Sequence[Page],
        prefix: str,
    ) -> None:
        self._context = context
        self._visitors = visitors
        self._sessions = sessions
        self._pages = pages
        self._prefix = prefix
        self._attempts = AttemptLimit()
        self._recent = RecentTags()
        self._limit = ConcurrencyLimit(_REQUEST_LIMIT, _BUSY, retry_seconds=1)

    def show(self, page: Page, path: Mapping[str, str]) -> Response:
        """Answer with a page, or with its figures as JSON."""
        view = self._view(page, path)
        view.done = next((each.done for each in page.actions if each.name == view.done), "")
        place = (request.full_path, view.visitor, wants_json(request))
        # A page that does not poll is asked for by a person, who wants it as it is now.
        state = partial(fingerprint, self._context, with_logs=page.shows_logs)
        if page.is_live and (tag := self._recent.find(place, request.if_none_match, state)):
            return _not_modified(tag)
        # Only a poll waits for it: while the database is silent, it takes its timeout.
        is_poll = page.is_live and bool(request.if_none_match)
        before = state() if is_poll else None
        with self._limit.acquired():
            answer = deliver(self._render(page, view))
        self._recent.note(place, answer.get_etag()[0] or "", before)
        return answer

    def feed(self, page: Page, feed: Feed, path: Mapping[str, str]) -> Response:
        """Answer with what a page's script or a link asks for."""
        return feed.respond(self._context, self._view(page, path, feed))

    def act(self, page: Page, action: Action, path: Mapping[str, Any]) -> Response:
        """Do what a form asks for, then show the page that it is on."""
        require_same_origin(request)
        visitor = self._visitor(action.scope)
        if any(isinstance(each, int) and each > _BIGGEST for each in path.values()):
            raise ProblemError(404, "There is nothing with this number.")
        view = self._view(page, {name: str(value) for name, value in path.items()}, visitor=visitor)
        view.path = _filled_in(page.path, path)
        form = request.form.to_dict()
        try:
            action.perform(self._context, view, Sent(path, form))
            self._recent.forget()
        except ProblemError as error:
            if not error.problem.errors:
                raise
            view.problem, view.form = error.problem, form
            answer = self._render(page, view)
            answer.status_code = error.problem.status
            return answer
        return _see_other(view.here(done=action.name))

    def sign_in_form(self, *, wrong: str = "", status: int = 200) -> Response:
        """Answer with the form for a token."""
        page = render(
            "ui/sign_in.html",
            root="./",
            assets=assets(),
            wrong=wrong,
            next=_safe_next(request.values.get("next", "")),
        )
        return PageResponse(page, status, {"Cache-Control": "no-store"}, mimetype="text/html")

    def sign_in(self) -> Response:
        """Set the cookie of a visitor who shows a valid token."""
        require_same_origin(request)
        tokens = self._context.access.tokens
        if tokens is None or not self._visitors.sign_in:
            return _see_other("./")
        client = request.remote_addr or ""
        if wait := self._attempts.seconds_to_wait(client):
            answer = self.sign_in_form(
                wrong=f"Too many attempts. Try again in {wait} s.", status=429
            )
            answer.headers["Retry-After"] = str(wait)
            return answer
        secret = request.form.get("token", "").strip()
        token = tokens.find(secret) if 0 < len(secret) <= _LONGEST_TOKEN else None
        if token is None:
            self._attempts.note_failure(client)
            return self.sign_in_form(wrong="This token is not valid.", status=401)
        if not token.scope.covers(Scope.READ):
            wrong = f"This token has the scope {token.scope}; the pages need read or admin."
            return self.sign_in_form(wrong=wrong, status=403)
        answer = _see_other(f"./{_safe_next(request.form.get('next', ''))}")
        answer.set_cookie(
            COOKIE, self._sessions.make(token), SESSION_SECONDS, **self._cookie_options()
        )
        return answer

    def sign_out(self) -> Response:
        """Remove the cookie."""
        require_same_origin(request)
        answer = _see_other("sign-in")
        answer.delete_cookie(COOKIE, **self._cookie_options())
        return answer

    def send_to_sign_in(self) -> Response:
        """Send a visitor who has not signed in to the form, and back afterwards."""
        if wants_json(request):
            return ProblemError(
                401,
                "Send an access token: Authorization: Bearer TOKEN.",
                headers={"WWW-Authenticate": 'Bearer realm="canvas-sync-monitor"'},
            ).response()
        place = request.path.removeprefix(self._prefix).lstrip("/")
        wanted = request.full_path.removeprefix(self._prefix).lstrip("/").rstrip("?")
        query = urlencode({"next": wanted}) if wanted else ""
        return _see_other(f"{'../' * place.count('/') or './'}sign-in{'?' if query else ''}{query}")

    def failed(self, error: ProblemError) -> Response:
        """Answer with a page, or with JSON, that says why a request failed."""
        if wants_json(request):
            return error.response()
        place = request.path.removeprefix(self._prefix).lstrip("/")
        page = render(
            "ui/error.html",
            root="../" * place.count("/") or "./",
            assets=assets(),
            problem=error.problem,
        )
        return PageResponse(page, error.problem.status, error.headers, mimetype="text/html")

    @property
    def _home_zone(self) -> Any:
        return self._context.configuration.app.timezone

    def _visitor(self, scope: Scope) -> Visitor:
        """Return who sends the current request, if that visitor may.

        Raises:
            SignInNeeded: The visitor has not signed in.
            ProblemError: 403.
        """
        self._visitors.require_reachable(request)
        visitor = self._visitors.find(request)
        if visitor is None:
            raise SignInNeeded
        if not visitor.scope.covers(scope):
            raise ProblemError(
                403, f"Your token has the scope {visitor.scope}; this needs {scope}."
            )
        return visitor

    def _view(
        self,
        page: Page,
        path: Mapping[str, str],
        feed: Feed | None = None,
        visitor: Visitor | None = None,
    ) -> View:
        visitor = visitor or self._visitor(Scope.READ)
        view = make_view(
            page, request, visitor, self._home_zone, path=path, prefix=self._prefix, feed=feed
        )
        if others := self._context.configuration.file.hosts:
            there = {name: view.at(address) for name, address in others.items()}
            view.hosts = dict(sorted({**there, view.host: view.here()}.items()))
        return view

    def _render(self, page: Page, view: View) -> Response:
        data = page.view(self._context, view)
        if wants_json(request):
            return json_response(_figures(view, data))
        body = render(
            page.template,
            root=view.root,
            assets=assets(),
            page=page,
            pages=self._pages,
            view=view,
            data=data,
            charts=charts,
        )
        return PageResponse(body, mimetype="text/html")

    def _cookie_options(self) -> dict[str, Any]:
        return {
            "path": f"{request.root_path}{self._prefix}" or "/",
            "secure": request.is_secure,
            "httponly": True,
            "samesite": "Strict",
        }


def _figures(view: View, data: Any) -> dict[str, Any]:
    return {
        "page": view.name,
        "from": view.period.since,
        "to": view.period.until,
        "tz": view.zone_name,
        "data": data,
    }


def _filled_in(rule: str, path: Mapping[str, Any]) -> str:
    """Return the path of a page from its rule."""
    return _PLACEHOLDER.sub(lambda match: quote(str(path[match["name"]]), safe=""), rule)


def _see_other(location: str) -> Response:
    return PageResponse(status=303, headers={"Location": location, "Cache-Control": "no-store"})


def _not_modified(tag: str) -> Response:
    answer = PageResponse(status=304, headers={"Cache-Control": "private, no-cache"})
    answer.set_etag(tag, weak=True)
    return answer


def _safe_next(place: str) -> str:
    """Return the page to show after the sign-in, if it is one of ours; else the first one."""
    parts = urlsplit(place)
    is_ours = not (parts.scheme or parts.netloc) and place.isprintable() and "\\" not in place
    is_below = not place.startswith("/") and ".." not in parts.path.split("/")
    return place if is_ours and is_below else ""
