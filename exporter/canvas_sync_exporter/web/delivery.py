"""Conditional and compressed responses."""

from __future__ import annotations

from hashlib import blake2b
from typing import Final

from flask import Response, request
from isal import igzip

__all__ = ["compress", "deliver"]

_LEAST_BYTES: Final = 1024  # a smaller response fits into one packet anyway
_GZIP_LEVEL: Final = 1


def deliver(response: Response) -> Response:
    """Prepare the response to the current request.

    It gets an ``ETag`` of its content, may be cached by the client, and becomes 304 without a body
    if the client's ``If-None-Match`` matches (RFC 9110, 13.1.2). The tag is weak, because it is the
    same for the compressed and the uncompressed body.
    """
    tag = blake2b(response.get_data(), digest_size=16).hexdigest()
    response.set_etag(tag, weak=True)
    response.headers["Cache-Control"] = "private, no-cache"
    response.make_conditional(request)
    return response if response.status_code == 304 else compress(response)


def compress(response: Response, zipped: bytes | None = None) -> Response:
    """Compress the response to the current request with gzip if the client accepts it.

    Args:
        response: The response.
        zipped: Its compressed body, if that is kept.
    """
    response.vary.add("Accept-Encoding")
    body = response.get_data()
    if len(body) >= _LEAST_BYTES and request.accept_encodings["gzip"] > 0:
        response.set_data(igzip.compress(body, _GZIP_LEVEL) if zipped is None else zipped)
        response.content_encoding = "gzip"
    return response
