"""Responses of the web pages, with headers that nothing else changes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from flask import Response
from werkzeug.datastructures import Headers

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment

__all__ = ["CONTENT_SECURITY_POLICY", "PageResponse"]

CONTENT_SECURITY_POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "connect-src 'self'; form-action 'self'; frame-ancestors 'none'; "
    "require-trusted-types-for 'script'"
)
_OWN: Final = {
    "Content-Security-Policy": CONTENT_SECURITY_POLICY,
    # `no-referrer` would make browsers send `Origin: null` with our own forms.
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
}


class PageResponse(Response):
    """A response whose policies are ours, also in an app that sets its own on every response."""

    def get_wsgi_headers(self, environ: WSGIEnvironment) -> Headers:
        """Return the headers that are sent."""
        headers = super().get_wsgi_headers(environ)
        for name, value in _OWN.items():
            headers[name] = value
        return headers
