"""What a run remembers of its API calls: failures to be repeated, lists not read to the end.

Only digests are kept: a URL may carry a token.
"""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from urllib.parse import unquote, urlsplit

__all__ = ["CallHistory", "first_items_only"]

_first_items_only: ContextVar[bool] = ContextVar("canvas_sync_first_items_only", default=False)

_LIMIT = 10_000
"""Entries kept of each kind, so that a run of a million failures stays small."""


@contextmanager
def first_items_only() -> Iterator[None]:
    """Say that lists inside are left on purpose before their end.

    ::

        with first_items_only():
            newest = next(iter(course.get_discussion_topics(order_by="recent_activity")), None)

    Otherwise a page whose ``next`` is never fetched by the end of the run counts as a truncated
    list, in ``canvas_sync_api_truncated_lists_total`` and in the run's row.
    """
    outer = _first_items_only.set(True)
    try:
        yield
    finally:
        _first_items_only.reset(outer)


class CallHistory:
    """Matches calls of one run with earlier ones; safe to use from several threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._failed: dict[int, float] = {}
        self._unread: dict[int, str] = {}

    def begin(self, method: str, url: str, start: float) -> tuple[int, float | None]:
        """Note that a call begins.

        Args:
            method: HTTP method.
            url: The whole URL; only its digest is kept.
            start: When it begins, in monotonic seconds.

        Returns:
            The digest for :meth:`end`, and the seconds since the same call failed, or None when it
            repeats nothing.
        """
        digest = _digest(method, url)
        if not self._failed and not self._unread:
            return digest, None
        with self._lock:
            self._unread.pop(digest, None)
            failed_at = self._failed.pop(digest, None)
        return digest, None if failed_at is None else max(0.0, start - failed_at)

    def failed(self, digest: int, end: float) -> None:
        """Note that a call failed at ``end`` (monotonic seconds) in a way worth a retry."""
        with self._lock:
            if len(self._failed) < _LIMIT:
                self._failed[digest] = end

    def saw_next(self, method: str, next_url: str, route: str) -> None:
        """Note that an answer named a further page of a list on ``route``, which is wanted."""
        if _first_items_only.get():
            return
        with self._lock:
            if len(self._unread) < _LIMIT:
                self._unread[_digest(method, next_url)] = route

    def truncated(self) -> Mapping[str, int]:
        """Lists whose next page was never asked for: their number by route."""
        with self._lock:
            return Counter(self._unread.values())


def _digest(method: str, url: str) -> int:
    """Tell requests apart by method, path and parameters.

    Order, quoting and repetition of parameters do not count: canvasapi adds its own once more to a
    request that it repeats.
    """
    parts = urlsplit(url)
    query = unquote(parts.query) if "%" in parts.query else parts.query
    return hash((method, parts.path, frozenset(query.split("&"))))
