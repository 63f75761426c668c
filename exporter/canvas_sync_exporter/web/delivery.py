"""Conditional and compressed responses."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import cached_property
from hashlib import blake2b
from typing import Final, Protocol

from flask import Response, request
from isal import igzip, isal_zlib

__all__ = ["Body", "compress", "compress_parts", "deliver"]

_LEAST_BYTES: Final = 1024  # a smaller response fits into one packet anyway
_GZIP_LEVEL: Final = 1
_GZIP_FORMAT: Final = 16 + isal_zlib.MAX_WBITS
_SMALL_BYTES: Final = 256 * 1024


class _Compressible(Protocol):
    @property
    def content(self) -> bytes: ...

    @property
    def zipped(self) -> bytes: ...


class Body:
    """The body of a response, and what is derived from it once.

    Args:
        content: Its bytes.
    """

    def __init__(self, content: bytes) -> None:
        self.content = content

    def is_small(self) -> bool:
        """Whether a few of these can be kept in memory."""
        return len(self.content) <= _SMALL_BYTES

    @cached_property
    def tag(self) -> str:
        """Its entity tag."""
        return blake2b(self.content, digest_size=16).hexdigest()

    @cached_property
    def zipped(self) -> bytes:
        """The same, compressed with gzip."""
        return igzip.compress(self.content, _GZIP_LEVEL)


def deliver(response: Response, body: Body | None = None) -> Response:
    """Prepare the response to the current request.

    It gets an ``ETag`` of its content, may be cached by the client, and becomes 304 without a body
    if the client's ``If-None-Match`` matches (RFC 9110, 13.1.2). The tag is weak, because it is the
    same for the compressed and the uncompressed body.

    Args:
        response: The response.
        body: Its body, if that is kept.
    """
    body = Body(response.get_data()) if body is None else body
    response.set_etag(body.tag, weak=True)
    response.headers["Cache-Control"] = "private, no-cache"
    response.make_conditional(request)
    return response if response.status_code == 304 else compress(response, body)


def compress(response: Response, body: _Compressible | None = None) -> Response:
    """Compress the response to the current request with gzip if the client accepts it.

    Args:
        response: The response.
        body: Its body, if that is kept.
    """
    response.vary.add("Accept-Encoding")
    body = Body(response.get_data()) if body is None else body
    if len(body.content) >= _LEAST_BYTES and request.accept_encodings["gzip"] > 0:
        response.set_data(body.zipped)
        response.content_encoding = "gzip"
    return response


def compress_parts(response: Response, parts: Iterable[bytes]) -> Response:
    """Give the response to the current request a long body, and compress it as above.

    The body is never in memory in one piece, nor both plain and compressed.

    Args:
        response: The response.
        parts: Its body.
    """
    response.vary.add("Accept-Encoding")
    if request.accept_encodings["gzip"] > 0:
        parts = _zipped_parts(parts)
        response.content_encoding = "gzip"
    response.response = list(parts)
    return response


def _zipped_parts(parts: Iterable[bytes]) -> Iterator[bytes]:
    packer = isal_zlib.compressobj(_GZIP_LEVEL, isal_zlib.DEFLATED, _GZIP_FORMAT)
    yield from filter(None, map(packer.compress, parts))
    yield packer.flush()
