"""Who opens a page: by cookie, by token, by the login of a user's own app, or on this machine."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from flask import Request

from canvas_sync_exporter.web.access import Access
from canvas_sync_exporter.web.auth import Scope, Token
from canvas_sync_exporter.web.problems import ProblemError

from .sessions import COOKIE, Sessions

__all__ = ["Visitor", "Visitors"]

_BY_THE_APP: Final = "app"
_ON_THIS_MACHINE: Final = "local"


@dataclass(frozen=True, slots=True)
class Visitor:
    """Who opens a page.

    Attributes:
        name: Name of the token; recorded as the author of what is done on the page.
        scope: What is allowed.
        can_sign_out: Whether a cookie has signed the visitor in.
    """

    name: str
    scope: Scope
    can_sign_out: bool = False


class Visitors:
    """Finds out who sends a request.

    Args:
        access: The access control of the REST API, with the tokens.
        sessions: The cookies.
        authorize: The login of a user's own app: returns whether a request may be answered, and
            replaces the tokens. None without one.
    """

    def __init__(
        self, access: Access, sessions: Sessions, authorize: Callable[[Request], bool] | None
    ) -> None:
        self._access = access
        self._sessions = sessions
        self._authorize = authorize

    @property
    def sign_in(self) -> bool:
        """Whether visitors sign in with a token."""
        return self._authorize is None and self._access.tokens is not None

    def require_reachable(self, request: Request) -> None:
        """Refuse a request that no sign-in could help.

        Raises:
            ProblemError: 403.
        """
        if self._authorize is None:
            self._access.require_local(request)
        elif not self._authorize(request):
            raise ProblemError(403, "The login of this app does not allow you to see this page.")

    def find(self, request: Request) -> Visitor | None:
        """Return who sends a request that :meth:`require_reachable` let pass; None if unknown."""
        if self._authorize is not None:
            return Visitor(_BY_THE_APP, Scope.ADMIN)
        tokens = self._access.tokens
        if tokens is None:
            return Visitor(_ON_THIS_MACHINE, Scope.ADMIN)
        if "Authorization" in request.headers:
            token = self._access.token(request)
            return None if token is None else _visitor(token)
        token = self._sessions.find(request.cookies.get(COOKIE, ""), tokens.all())
        return None if token is None else _visitor(token, can_sign_out=True)


def _visitor(token: Token, *, can_sign_out: bool = False) -> Visitor:
    return Visitor(token.name, token.scope, can_sign_out)
