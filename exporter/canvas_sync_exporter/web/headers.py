"""Security headers of every response."""

from __future__ import annotations

from typing import Final

from flask import Blueprint, Flask, Response

__all__ = ["SECURITY_HEADERS", "add_security_headers"]

SECURITY_HEADERS: Final = {
    "Content-Security-Policy": "default-src 'none'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}
"""The default security headers. Strict-Transport-Security is up to the proxy that encrypts: the
exporter itself speaks plain HTTP."""

_DEFAULTS: Final = {**SECURITY_HEADERS, "Cache-Control": "no-store"}


def add_security_headers(scaffold: Blueprint | Flask) -> None:
    """Add the headers to each response of a blueprint or app, including errors."""

    @scaffold.after_request
    def add(response: Response) -> Response:
        present = {name.lower() for name, _ in response.headers}
        response.headers.extend(
            [(name, value) for name, value in _DEFAULTS.items() if name.lower() not in present]
        )
        return response
