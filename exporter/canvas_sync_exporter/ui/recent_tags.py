"""Answers a poll for a page that has not changed without rendering it again."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from typing import Final

from werkzeug.datastructures import ETags

from canvas_sync_core.locks import Lock

__all__ = ["RecentTags"]

_SECONDS: Final = 2.0
"""A page asks every five seconds, so it is never this much older than it would be anyway."""
_UNCHANGED_SECONDS: Final = 30.0
"""So old may ages such as "3 s ago" become while nothing happens."""
_MOST: Final = 500


@dataclass(frozen=True, slots=True)
class _Rendered:
    """When a page was rendered, its entity tag, and the fingerprint of what it was made from."""

    time: float
    tag: str
    fingerprint: object | None


class RecentTags:
    """The entity tags of the pages that were rendered in the last half minute.

    For two seconds, many visitors with the same page open cost as much as one; after that, a page
    is rendered again as soon as anything has changed. Only polls are answered from here: a page
    that a visitor opens is always rendered.

    Args:
        clock: Returns seconds.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = Lock()
        self._pages: OrderedDict[Hashable, _Rendered] = OrderedDict()

    def note(self, page: Hashable, tag: str, fingerprint: object | None = None) -> None:
        """Remember a page that has just been rendered.

        Args:
            page: Identifies it, and who asked for it.
            tag: Its entity tag.
            fingerprint: That of everything it shows, from before it was rendered; None if unknown.
        """
        with self._lock:
            self._pages[page] = _Rendered(self._clock(), tag, fingerprint)
            self._pages.move_to_end(page)
            while len(self._pages) > _MOST:
                self._pages.popitem(last=False)

    def find(self, page: Hashable, known: ETags, fingerprint: Callable[[], object]) -> str | None:
        """Return the tag of a page if a client has it and it has not changed; else None.

        Args:
            page: Identifies it, and who asks for it.
            known: The entity tags that the client has.
            fingerprint: Returns that of everything it shows now.
        """
        with self._lock:
            rendered = self._pages.get(page)
        if rendered is None or not known.contains_weak(rendered.tag):
            return None
        age = self._clock() - rendered.time
        if age < _SECONDS:
            return rendered.tag
        if age >= _UNCHANGED_SECONDS or rendered.fingerprint is None:
            return None
        return rendered.tag if rendered.fingerprint == fingerprint() else None

    def forget(self) -> None:
        """Forget all pages, because something was changed."""
        with self._lock:
            self._pages.clear()
