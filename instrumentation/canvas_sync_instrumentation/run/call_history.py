"""What a run remembers of its API calls: failures to be repeated, lists not read to the end.

Only digests are kept: a URL may carry a token.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, NamedTuple
from urllib.parse import SplitResult

from canvas_sync_core.canvas.paging import PageAddress, address_of
from canvas_sync_core.locks import RLock

from .list_readings import ListReadings, are_first_items_enough

__all__ = ["CallHistory", "CallKey"]

_LIMIT: Final = 10_000
"""Failures that are kept, so that a run of a million stays small."""
_LISTING: Final = "GET"


class CallKey(NamedTuple):
    """Which call it is.

    Attributes:
        digest: The same for calls that repeat each other.
        page: Which page of a list it asks for; None when it changes something, or when the list is
            left early on purpose.
        attempt: How often it failed before, in a way worth a retry.
    """

    digest: int
    page: PageAddress | None
    attempt: int = 0


class _Failure(NamedTuple):
    """A call that failed: when, in monotonic seconds, and in which attempt."""

    end: float
    attempt: int


class CallHistory:
    """Matches calls of one run with earlier ones; safe to use from several threads."""

    def __init__(self) -> None:
        self._lock = RLock()
        self._failed: dict[int, _Failure] = {}
        self._lists = ListReadings()

    def begin(self, method: str, url: SplitResult, start: float) -> tuple[CallKey, float | None]:
        """Note that a call begins.

        Args:
            method: HTTP method.
            url: The whole URL; only its digest is kept.
            start: When it begins, in monotonic seconds.

        Returns:
            The key for the methods that note its end, and the seconds since the same call failed,
            or None when it repeats nothing.
        """
        address = address_of(url)
        is_page = method == _LISTING
        is_followed = is_page and not are_first_items_enough()
        key = CallKey(hash((method, address)), address if is_followed else None)
        with self._lock:
            if is_followed:
                self._lists.ask(address)
            elif is_page:
                self._lists.ask_outside(address)
            failure = self._failed.pop(key.digest, None) if self._failed else None
        if failure is None:
            return key, None
        return key._replace(attempt=failure.attempt + 1), max(0.0, start - failure.end)

    def asked_outside(self, method: str, url: SplitResult) -> None:
        """Note a call outside of the run, which may ask for a page of a list that the run reads."""
        if method == _LISTING:
            with self._lock:
                self._lists.ask_outside(address_of(url))

    def answered(self, key: CallKey, next_page: PageAddress | None, route: str) -> None:
        """Note the answer to a call, with the further page of a list that it names."""
        if key.page is not None:
            with self._lock:
                self._lists.answered(key.page, next_page, route)

    def failed(self, key: CallKey, end: float, *, is_transient: bool) -> None:
        """Note that a call failed at ``end`` (monotonic seconds).

        Args:
            key: Which call.
            end: When it failed.
            is_transient: Whether it failed in a way worth a retry.
        """
        with self._lock:
            if key.page is not None:
                self._lists.failed(key.page)
            if is_transient and len(self._failed) < _LIMIT:
                self._failed[key.digest] = _Failure(end, key.attempt)

    def truncated(self) -> Mapping[str, int]:
        """Count the lists that were left before their end, by route."""
        with self._lock:
            return self._lists.truncated()
