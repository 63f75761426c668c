"""How much a Canvas response contains: its size, and the number of items in its list.

The client parses the content. Here it is only scanned for the boundaries of items, which takes
about a tenth of the time and creates no objects.

Sources: https://canvas.instructure.com/doc/api/file.pagination.html for lists. Some of them are
wrapped in an object, such as ``{"enrollment_terms": [...]}``
(https://canvas.instructure.com/doc/api/enrollment_terms.html), with related objects beside them in
the answers of quizzes. RFC 9110, sections 6.4.1 and 8.6, for answers without content.
"""

from __future__ import annotations

from typing import Any, Final

import msgspec

from canvas_sync_core.asynchronous import raise_if_asynchronous

from .responses import ResponseFacts

__all__ = ["NOTHING_KNOWN", "Received", "count_items", "has_content", "measure_content"]

_BYTE_ORDER_MARK: Final = b"\xef\xbb\xbf"
_LONGEST_MARGIN: Final = 16
"""Bytes of white space that may stand before the content."""
_NO_CONTENT: Final = frozenset({204, 304})

_read_list: Final = msgspec.json.Decoder(list[msgspec.Raw]).decode
_read_object: Final = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode


class Received(msgspec.Struct, frozen=True, gc=False):
    """How much a response contains; None for unknown values.

    Attributes:
        items: Length of its list; None if it is not a list, or its content was not loaded.
        size: Bytes of the content as the app gets it; by ``Content-Length`` when not loaded.
        transferred: Bytes of the content as they were sent, compressed or not.
    """

    items: int | None = None
    size: int | None = None
    transferred: int | None = None


NOTHING_KNOWN: Final = Received()
_EMPTY: Final = Received(None, 0, 0)


def measure_content(
    method: str, path: str, status: int, facts: ResponseFacts, body: bytes | None
) -> Received:
    """Return how much a response contains.

    Args:
        method: HTTP method of the request, in upper case.
        path: Path of the request.
        status: HTTP status.
        facts: What its headers contain.
        body: Its content, without compression; None when it was not loaded.
    """
    if not has_content(method, status):
        return _EMPTY
    if body is None:
        return Received(None, facts.content_length, facts.content_length)
    size = len(body)
    items = count_items(body, path, is_page=facts.is_page) if status < 400 else None
    return Received(items, size, facts.content_length if facts.is_compressed else size)


def has_content(method: str, status: int) -> bool:
    """Return whether an answer can have content."""
    return status not in _NO_CONTENT and status >= 200 and method != "HEAD"


def count_items(body: bytes, path: str = "", *, is_page: bool = False) -> int | None:
    """Count the items of a list; None if the content is not a list.

    Args:
        body: JSON, or anything else.
        path: Path of the request, whose last word names a list that is wrapped in an object.
        is_page: Whether the answer says that it is a page of a list.
    """
    start = body[:1]
    if start not in {b"[", b"{"}:
        body = body.removeprefix(_BYTE_ORDER_MARK)
        start = body[:_LONGEST_MARGIN].lstrip()[:1]
    try:
        if start == b"[":
            return len(_read_list(body))
        return _wrapped_items(_read_object(body), path) if start == b"{" and is_page else None
    except (msgspec.MsgspecError, RecursionError) as error:
        raise_if_asynchronous(error)
        return None


def _wrapped_items(wrapper: dict[str, Any], path: str) -> int | None:
    """Count the items of the only list in an object, or of the one that the path names."""
    lists = {key: raw for key, raw in wrapper.items() if bytes(memoryview(raw)[:1]) == b"["}
    if len(lists) > 1:
        word = path.rstrip("/").rpartition("/")[2].removesuffix(".json")
        lists = {key: raw for key, raw in lists.items() if word and key.endswith(word)}
    return len(_read_list(next(iter(lists.values())))) if len(lists) == 1 else None
