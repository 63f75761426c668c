"""Refuses requests that a page of another site makes a browser send."""

from __future__ import annotations

from flask import Request

from canvas_sync_exporter.web.problems import ProblemError

__all__ = ["require_same_origin"]


def require_same_origin(request: Request) -> None:
    """Refuse a request that changes something unless one of our own pages sends it.

    Browsers send ``Sec-Fetch-Site`` over TLS and on loopback, and ``Origin`` with every POST.

    Raises:
        ProblemError: 403.
    """
    site = request.headers.get("Sec-Fetch-Site")
    origin = request.headers.get("Origin")
    if site is not None and site != "same-origin":
        raise _refusal()
    if origin is not None and origin != f"{request.scheme}://{request.host}":
        raise _refusal()
    if site is None and origin is None:
        raise _refusal()


def _refusal() -> ProblemError:
    return ProblemError(
        403,
        "This request does not come from a page of this site. Behind a reverse proxy, forward the "
        "host and the scheme, and name the proxy in CANVAS_SYNC_TRUSTED_PROXIES.",
    )
