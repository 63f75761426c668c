"""Refuses requests that a page of another site makes a browser send."""

from __future__ import annotations

from flask import Request

from canvas_sync_exporter.web.problems import ProblemError

__all__ = ["require_same_origin"]


def require_same_origin(request: Request) -> None:
    """Refuse a request that changes something unless one of our own pages sends it.

    Browsers send ``Sec-Fetch-Site`` over TLS and on loopback. It decides alone, because it does not
    depend on the host that a proxy passes on. Otherwise ``Origin`` decides, which browsers send
    with every POST.

    Raises:
        ProblemError: 403.
    """
    site = request.headers.get("Sec-Fetch-Site")
    own = f"{request.scheme}://{request.host}"
    is_ours = request.headers.get("Origin") == own if site is None else site == "same-origin"
    if not is_ours:
        raise ProblemError(
            403,
            "This request does not come from a page of this site. Behind a reverse proxy, forward "
            "the host and the scheme, and name the proxy in CANVAS_SYNC_TRUSTED_PROXIES.",
        )
