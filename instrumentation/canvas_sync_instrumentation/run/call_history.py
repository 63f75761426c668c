"""What a run remembers of its API calls: failures that may be retried, and lists being read.

Only digests of URLs are stored, because a URL may contain a token.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import msgspec
from msgspec import structs

from canvas_sync_core.asynchronous import raise_if_asynchronous
from canvas_sync_core.canvas.paging import PageAddress
from canvas_sync_core.locks import RLock

from .list_readings import ListReadings, are_first_items_enough

__all__ = ["CallHistory", "CallKey"]

_LIMIT: Final = 10_000
"""The most failures that are remembered, so that memory stays bounded in a run of a million."""
_LISTING: Final = "GET"
_BOUNDARY: Final = b"--"
"""How an upload begins; the boundary that follows differs from one attempt to the next."""


class CallKey(msgspec.Struct, frozen=True, gc=False):
    """Identifies a call within a run.

    Attributes:
        digest: Equal for a call and its retries.
        page: The page of a list that it requests; None if it changes something, or if the list is
            left early on purpose.
        attempt: How many times it failed before with an error worth a retry.
    """

    digest: int
    page: PageAddress | None
    attempt: int = 0


class _Failure(msgspec.Struct, frozen=True, gc=False):
    """A failed call: when it ended, in monotonic seconds, and the number of its attempt."""

    end: float
    attempt: int


class CallHistory:
    """Matches the calls of one run with earlier ones; thread-safe."""

    def __init__(self) -> None:
        self._lock = RLock()
        self._failed: dict[int, _Failure] = {}
        self._lists = ListReadings()

    def begin(
        self, method: str, address: PageAddress, start: float, body: object = None
    ) -> tuple[CallKey, float | None]:
        """Note the start of a call.

        Args:
            method: HTTP method.
            address: Digests of its URL.
            start: Its start in monotonic seconds.
            body: What it sends, as far as it is in memory; only its digest is stored.

        Returns:
            The key to report its end with, and the seconds since the same call failed, or None if
            it is not a retry.
        """
        is_page = method == _LISTING
        is_followed = is_page and not are_first_items_enough()
        sent = 0 if is_page or body is None else _digest_of(body)
        key = CallKey(hash((method, address, sent)), address if is_followed else None)
        with self._lock:
            if is_followed:
                self._lists.on_request(address)
            elif is_page:
                self._lists.on_outside_request(address)
            failure = self._failed.pop(key.digest, None) if self._failed else None
        if failure is None:
            return key, None
        retry = structs.replace(key, attempt=failure.attempt + 1)
        return retry, max(0.0, start - failure.end)

    def on_outside_request(self, method: str, address: PageAddress) -> None:
        """Note a call outside the run; it may fetch a page of a list that the run is reading."""
        if method == _LISTING:
            with self._lock:
                self._lists.on_outside_request(address)

    def answered(self, key: CallKey, next_page: PageAddress | None, route: str) -> None:
        """Note the answer to a call, and the next page that it links to."""
        if key.page is not None:
            with self._lock:
                self._lists.answered(key.page, next_page, route)

    def failed(self, key: CallKey, end: float, *, is_transient: bool) -> None:
        """Note that a call failed.

        Args:
            key: The key of the call.
            end: When it failed, in monotonic seconds.
            is_transient: Whether a retry may succeed.
        """
        with self._lock:
            if key.page is not None:
                self._lists.failed(key.page)
            if is_transient and len(self._failed) < _LIMIT:
                self._failed[key.digest] = _Failure(end, key.attempt)

    def truncated(self) -> Mapping[str, int]:
        """Count by route the lists that were left before their end."""
        with self._lock:
            return self._lists.truncated()


def _digest_of(body: object) -> int:
    """Tell requests to one URL apart, such as queries to GraphQL; 0 when nothing is known."""
    try:
        if isinstance(body, dict | list):
            body = msgspec.json.encode(body)
        if isinstance(body, str):
            body = body.encode()
        if isinstance(body, bytes) and not body.startswith(_BOUNDARY):
            return hash(body)
    except (TypeError, ValueError, RecursionError) as error:  # objects of the app's
        raise_if_asynchronous(error)
    return 0
