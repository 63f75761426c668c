"""Which lists of Canvas a run began to read and left before their end.

An answer names the page after it by its ``Link`` header. A list is left early when some page that
was named so was never asked for. In which order pages are asked for does not matter, nor how many
at once, nor whether the app follows the header or counts the pages itself.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any, Final

from canvas_sync_core.canvas.paging import FIRST_PAGE, PageAddress

__all__ = ["ListReadings", "are_first_items_enough", "first_items_only"]

_first_items_only: ContextVar[bool] = ContextVar("canvas_sync_first_items_only", default=False)

_LIMIT: Final = 10_000
"""Lists that are followed at a time, and pages of one list."""


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


def are_first_items_enough() -> bool:
    """Tell whether the calling code executes inside :func:`first_items_only`."""
    return _first_items_only.get()


@dataclass(slots=True)
class _Reading:
    """One list that is being read.

    Attributes:
        route: Its route template.
        is_begun: Whether its first page was asked for.
        has_end: Whether an answer named no next page.
        in_flight: Requests for its pages that have no answer yet.
        asked: Its pages that were asked for, oldest first.
        named: Pages that an answer named as the next one and nobody asked for yet.
        failed: Pages whose last answer was a failure; they may be asked for again.
    """

    route: str = ""
    is_begun: bool = False
    has_end: bool = False
    in_flight: int = 0
    asked: dict[int, None] = field(default_factory=dict)
    named: set[int] = field(default_factory=set)
    failed: set[int] = field(default_factory=set)

    @property
    def is_done(self) -> bool:
        """Whether every page from the first to the last was asked for and answered."""
        is_open = self.in_flight > 0 or self.named or self.failed
        return self.is_begun and self.has_end and not is_open

    def ask(self, page: int) -> None:
        """Note a request for a page."""
        self.in_flight += 1
        self.mark(page)

    def mark(self, page: int) -> None:
        """Note that a page was asked for."""
        self.named.discard(page)
        self.failed.discard(page)
        self.is_begun |= page == FIRST_PAGE
        _make_place(self.asked)
        self.asked[page] = None

    def name(self, page: int) -> None:
        """Note that an answer named a page as the next one."""
        if page not in self.asked:
            self.named.add(page)


class ListReadings:
    """The lists that one run reads; its caller holds a lock.

    Most requests ask for a single object, which looks like the first and only page of a list. So a
    list is a page in ``_lone`` until there is more to know of it than that one request.
    """

    def __init__(self) -> None:
        self._lone: dict[int, int] = {}
        self._readings: dict[int, _Reading] = {}
        self._same: dict[int, PageAddress] = {}
        self._whole: dict[int, None] = {}

    def ask(self, address: PageAddress) -> None:
        """Note that a page is asked for."""
        list_key, page = self._resolved(address) if self._same else address
        reading = self._reading(list_key)
        if reading is not None:
            reading.ask(page)
        elif len(self._readings) + len(self._lone) < _LIMIT and list_key not in self._whole:
            self._lone[list_key] = page

    def ask_outside(self, address: PageAddress) -> None:
        """Note that a page is asked for outside of the run, as by a thread that is in none."""
        list_key, page = self._resolved(address)
        if reading := self._reading(list_key):
            reading.mark(page)

    def answered(self, address: PageAddress, next_page: PageAddress | None, route: str) -> None:
        """Note the answer to a request for a page, with the page that it names as the next one."""
        list_key, page = self._resolved(address) if self._same else address
        if next_page is None:
            if page == FIRST_PAGE and self._lone.get(list_key) == page:
                del self._lone[list_key]
                return
            if reading := self._reading(list_key):
                reading.has_end = True
        else:
            self._name(list_key, next_page, route)
        self._ended(list_key)

    def failed(self, address: PageAddress) -> None:
        """Note that a request for a page failed."""
        list_key, page = self._resolved(address)
        if reading := self._reading(list_key):
            reading.failed.add(page)
        self._ended(list_key)

    def truncated(self) -> Mapping[str, int]:
        """Count the lists that were begun and left early, by route.

        Who asks for a later page alone reads a share of them on purpose, while other tasks read the
        rest. Of a list that was read to its end, pages may be asked for again: that cannot be told
        from a retry, or from a second reader who takes them in another order.
        """
        return Counter(
            reading.route
            for reading in self._readings.values()
            if reading.is_begun and reading.named
        )

    def _reading(self, list_key: int) -> _Reading | None:
        """Return a list of which there is more to know; None when it is not followed."""
        if list_key in self._lone:
            reading = self._readings[list_key] = _Reading()
            reading.ask(self._lone.pop(list_key))
            return reading
        return self._readings.get(list_key)

    def _resolved(self, address: PageAddress) -> PageAddress:
        while same := self._same.get(address.list_key):
            address = PageAddress(same.list_key, address.page or same.page)
        return address

    def _name(self, list_key: int, next_page: PageAddress, route: str) -> None:
        named = self._resolved(next_page)
        if named.list_key != list_key:
            self._join(list_key, named)
            named = self._resolved(next_page)
        reading = self._reading(list_key)
        if reading is not None:
            reading.route = reading.route or route
            reading.name(named.page)

    def _join(self, list_key: int, named: PageAddress) -> None:
        """Take the list of ``named`` for the same as that of ``list_key``.

        Canvas names a list by its own spelling: the real number of a SIS id, the page size that it
        allows. Where it pages by something else than ``page``, the address alone is the page.
        """
        _make_place(self._same)
        other = named.list_key
        is_spelling = named.page != FIRST_PAGE
        self._same[other] = PageAddress(list_key, FIRST_PAGE if is_spelling else other)
        known, reading = self._reading(other), self._reading(list_key)
        self._readings.pop(other, None)
        if other in self._whole:
            self._finish(list_key)
            return
        if known is None or reading is None:
            return
        reading.has_end |= known.has_end
        reading.in_flight += known.in_flight
        reading.is_begun |= known.is_begun
        reading.asked.update(known.asked)
        reading.failed |= known.failed
        reading.named = (reading.named | known.named) - reading.asked.keys()

    def _ended(self, list_key: int) -> None:
        reading = self._reading(list_key)
        if reading is None:
            return
        reading.in_flight -= 1
        if not reading.is_done:
            return
        if len(reading.asked) > 1:
            self._finish(list_key)
        else:
            del self._readings[list_key]

    def _finish(self, list_key: int) -> None:
        """Take a list for one that was read to its end."""
        self._readings.pop(list_key, None)
        _make_place(self._whole)
        self._whole[list_key] = None


def _make_place(entries: dict[int, Any]) -> None:
    """Forget the oldest entry when there are too many."""
    if len(entries) >= _LIMIT:
        del entries[next(iter(entries))]
