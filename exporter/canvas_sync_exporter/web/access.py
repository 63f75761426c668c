"""Access control: by token, or without tokens only for callers on this machine."""

from __future__ import annotations

import ipaddress
from functools import lru_cache
from urllib.parse import urlsplit

from flask import Request

from .auth import Scope, Token, TokenFile
from .problems import ProblemError

__all__ = ["Access", "is_loopback"]

_LOCAL = "local"
_REALM = 'Bearer realm="canvas-sync-monitor"'


@lru_cache(256)
def is_loopback(host: str) -> bool:
    """Whether a host name or address is loopback."""
    if host.lower().rstrip(".") == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


class Access:
    """Decides whether a request may be answered.

    Args:
        tokens: The tokens; None if there are none and only this machine is answered.
    """

    def __init__(self, tokens: TokenFile | None) -> None:
        self.tokens = tokens

    def require_local(self, request: Request) -> None:
        """Without tokens, refuse callers that are not on this machine.

        The ``Host`` header is checked too: a page of a foreign site whose name resolves to
        127.0.0.1 (DNS rebinding) calls from this machine, but with that site's name.

        Raises:
            ProblemError: 403.
        """
        if self.tokens is not None:
            return
        if not (is_loopback(_host_name(request)) and is_loopback(request.remote_addr or "")):
            raise ProblemError(
                403,
                "Without access tokens only callers on this machine are answered, by the name "
                "localhost or a loopback address. Set CANVAS_SYNC_TOKENS_FILE to answer others.",
            )

    def require(self, request: Request, scope: Scope) -> Token | None:
        """Refuse a caller whose token does not cover ``scope``.

        Returns:
            The token; None without tokens.

        Raises:
            ProblemError: 401 without a valid token, 403 if its scope is insufficient.
        """
        if self.tokens is None:
            return None
        secret = _bearer(request)
        if secret is None:
            raise ProblemError(
                401,
                "Send an access token: Authorization: Bearer TOKEN.",
                headers={"WWW-Authenticate": _REALM},
            )
        token = self.tokens.find(secret)
        if token is None:
            raise ProblemError(
                401,
                "The access token is not valid.",
                headers={"WWW-Authenticate": f'{_REALM}, error="invalid_token"'},
            )
        if not token.scope.covers(scope):
            raise ProblemError(
                403,
                f"The access token has the scope {token.scope}; this needs {scope}.",
                headers={
                    "WWW-Authenticate": f'{_REALM}, error="insufficient_scope", scope="{scope}"'
                },
            )
        return token

    def still_accepts(self, token: Token | None) -> bool:
        """Whether what :meth:`require` returned is still valid."""
        return self.tokens is None or token in self.tokens.all()

    def token(self, request: Request) -> Token | None:
        """Return the token that a request is sent with; None if there is no valid one."""
        secret = _bearer(request)
        return self.tokens.find(secret) if self.tokens is not None and secret else None

    def caller_name(self, request: Request) -> str:
        """Return the name of the caller's token; ``local`` without tokens."""
        token = self.token(request)
        return _LOCAL if token is None else token.name

    def allows(self, request: Request, scope: Scope) -> bool:
        """Whether the caller's token covers ``scope``."""
        try:
            self.require(request, scope)
        except ProblemError:
            return False
        return True


def _bearer(request: Request) -> str | None:
    scheme, _, secret = request.headers.get("Authorization", "").partition(" ")
    return secret.strip() or None if scheme.lower() == "bearer" else None


def _host_name(request: Request) -> str:
    try:
        return urlsplit(f"//{request.host}").hostname or ""
    except ValueError:
        return ""
