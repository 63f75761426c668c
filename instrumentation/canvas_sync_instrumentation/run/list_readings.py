"""Finds the Canvas lists that a run started to read and left before their end.

Each answer links to the next page in its ``Link`` header. A list was left early if a page that was
linked to was never requested. It does not matter in which order pages are requested, how many at
once, or whether the app follows the header or counts the pages itself.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, Final

import msgspec

from canvas_sync_core.canvas.paging import FIRST_PAGE, PageAddress

__all__ = ["ListReadings", "are_first_items_enough", "first_items_only"]

_first_items_only: ContextVar[bool] = ContextVar("canvas_sync_first_items_only", default=False)
are_first_items_enough: Final[Callable[[], bool]] = _first_items_only.get
"""Returns whether the caller is inside :func:`first_items_only`."""

_LIMIT: Final = 10_000
"""The most lists that are followed at a time, and the most pages of one list."""


@contextmanager
def first_items_only() -> Iterator[None]:
    """Declare that the lists read inside are left early on purpose.

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


class _Reading(msgspec.Struct):
    """One list that is being read.

    Attributes:
        route: Its route template.
        is_begun: Whether its first page was requested.
        has_end: Whether an answer had no link to a next page.
        in_flight: Number of requests for its pages that are not answered yet.
        requested: Its pages that were requested, oldest first.
        linked: Pages that an answer linked to as the next one and that were not requested yet.
        failed: Pages whose last request failed; they may be requested again.
    """

    route: str = ""
    is_begun: bool = False
    has_end: bool = False
    in_flight: int = 0
    requested: dict[int, None] = msgspec.field(default_factory=dict)
    linked: set[int] = msgspec.field(default_factory=set)
    failed: set[int] = msgspec.field(default_factory=set)

    @property
    def is_done(self) -> bool:
        """Whether every page from the first to the last was requested and answered."""
        is_open = self.in_flight > 0 or self.linked or self.failed
        return self.is_begun and self.has_end and not is_open

    def on_request(self, page: int) -> None:
        """Note a request for a page."""
        self.in_flight += 1
        self.mark_requested(page)

    def mark_requested(self, page: int) -> None:
        """Note that a page was requested."""
        self.linked.discard(page)
        self.failed.discard(page)
        self.is_begun |= page == FIRST_PAGE
        _evict_oldest(self.requested)
        self.requested[page] = None

    def on_link(self, page: int) -> None:
        """Note that an answer linked to a page as the next one."""
        if page not in self.requested:
            self.linked.add(page)


class ListReadings:
    """The lists that one run reads; the caller holds a lock.

    Most requests are for a single object, which looks like the first and only page of a list. To
    save memory, such a request is just a page number in ``_single`` until a second page, a failure
    or a request from outside the run shows that there is more to remember.
    """

    # Every key is a list key. _aliases maps the key of a list's other URL to the key and page that
    # it stands for; _finished is an ordered set.
    def __init__(self) -> None:
        self._single: dict[int, int] = {}
        self._readings: dict[int, _Reading] = {}
        self._aliases: dict[int, PageAddress] = {}
        self._finished: dict[int, None] = {}

    def on_request(self, address: PageAddress) -> None:
        """Note a request for a page."""
        address = self._resolved(address) if self._aliases else address
        list_key, page = address.list_key, address.page
        if list_key not in self._single and list_key not in self._readings:
            is_followed = len(self._readings) + len(self._single) < _LIMIT
            if is_followed and list_key not in self._finished:
                self._single[list_key] = page
        elif reading := self._reading(list_key):
            reading.on_request(page)

    def on_outside_request(self, address: PageAddress) -> None:
        """Note a request for a page outside the run, such as from a thread without a run."""
        address = self._resolved(address)
        if reading := self._reading(address.list_key):
            reading.mark_requested(address.page)

    def answered(self, address: PageAddress, next_page: PageAddress | None, route: str) -> None:
        """Note the answer to a request for a page, and the next page that it links to."""
        address = self._resolved(address) if self._aliases else address
        list_key, page = address.list_key, address.page
        if next_page is None:
            if page == FIRST_PAGE and self._single.get(list_key) == page:
                del self._single[list_key]
                return
            if reading := self._reading(list_key):
                reading.has_end = True
        else:
            self._note_link(list_key, next_page, route)
        self._ended(list_key)

    def failed(self, address: PageAddress) -> None:
        """Note that a request for a page failed."""
        address = self._resolved(address)
        if reading := self._reading(address.list_key):
            reading.failed.add(address.page)
        self._ended(address.list_key)

    def truncated(self) -> Mapping[str, int]:
        """Count by route the lists that were started and left early.

        A list whose first page was never requested does not count: the app shares the pages among
        several tasks. Requests for pages of a list that was read to its end do not count either:
        they look the same as retries or a second reader.
        """
        return Counter(
            reading.route
            for reading in self._readings.values()
            if reading.is_begun and reading.linked
        )

    def _reading(self, list_key: int) -> _Reading | None:
        """Return what is known of a list, to remember more; None if the list is not followed."""
        if list_key in self._single:
            reading = self._readings[list_key] = _Reading()
            reading.on_request(self._single.pop(list_key))
            return reading
        return self._readings.get(list_key)

    def _resolved(self, address: PageAddress) -> PageAddress:
        while alias := self._aliases.get(address.list_key):
            address = PageAddress(alias.list_key, address.page or alias.page)
        return address

    def _note_link(self, list_key: int, next_page: PageAddress, route: str) -> None:
        linked = self._resolved(next_page)
        if linked.list_key != list_key:
            self._join(list_key, linked)
            linked = self._resolved(next_page)
        reading = self._reading(list_key)
        if reading is not None:
            reading.route = reading.route or route
            reading.on_link(linked.page)

    def _join(self, list_key: int, linked: PageAddress) -> None:
        """Treat the list of ``linked`` as the same list as ``list_key``.

        Canvas may link to a list by another URL than the app used: with the numeric id instead of
        a SIS id, or with the page size that it allows. Where Canvas does not page by ``page`` but
        by a bookmark, the whole address identifies the page.
        """
        _evict_oldest(self._aliases)
        other_key = linked.list_key
        is_numbered = linked.page != FIRST_PAGE
        self._aliases[other_key] = PageAddress(list_key, FIRST_PAGE if is_numbered else other_key)
        other, reading = self._reading(other_key), self._reading(list_key)
        self._readings.pop(other_key, None)
        if other_key in self._finished:
            self._finish(list_key)
            return
        if other is None or reading is None:
            return
        reading.has_end |= other.has_end
        reading.in_flight += other.in_flight
        reading.is_begun |= other.is_begun
        reading.requested.update(other.requested)
        reading.failed |= other.failed
        reading.linked = (reading.linked | other.linked) - reading.requested.keys()

    def _ended(self, list_key: int) -> None:
        reading = self._reading(list_key)
        if reading is None:
            return
        reading.in_flight -= 1
        if not reading.is_done:
            return
        if len(reading.requested) > 1:
            self._finish(list_key)
        else:
            del self._readings[list_key]

    def _finish(self, list_key: int) -> None:
        """Remember that a list was read to its end."""
        self._readings.pop(list_key, None)
        _evict_oldest(self._finished)
        self._finished[list_key] = None


def _evict_oldest(entries: dict[int, Any]) -> None:
    """Remove the oldest entry if the limit is reached."""
    if len(entries) >= _LIMIT:
        del entries[next(iter(entries))]
