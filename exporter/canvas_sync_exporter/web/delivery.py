"""How an answer travels: not at all when the client has it, or compressed."""

from __future__ import annotations

from hashlib import blake2b
from typing import Final

from flask import Response, request
from isal import igzip

__all__ = ["compress", "deliver"]

_LEAST_BYTES: Final = 1024  # a smaller answer fits into one packet anyway
_GZIP_LEVEL: Final = 1


def deliver(response: Response) -> Response:
    """Prepare the answer to the current request.

    It gets an ``ETag`` of its content, may be kept by the client that asked, and is answered with
    304 and no body when the client's ``If-None-Match`` shows that it has it (RFC 9110, 13.1.2). The
    tag is a weak one: it stays the same whether or not the body is compressed.
    """
    tag = blake2b(response.get_data(), digest_size=16).hexdigest()
    response.set_etag(tag, weak=True)
    response.headers["Cache-Control"] = "private, no-cache"
    response.make_conditional(request)
    return response if response.status_code == 304 else compress(response)


def compress(response: Response) -> Response:
    """Compress the answer to the current request with gzip if the client reads that."""
    response.vary.add("Accept-Encoding")
    body = response.get_data()
    if len(body) >= _LEAST_BYTES and request.accept_encodings["gzip"] > 0:
        response.set_data(igzip.compress(body, _GZIP_LEVEL))
        response.content_encoding = "gzip"
    return response
