"""Answers a poll for a page that was rendered a moment ago without rendering it again."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Final

from werkzeug.datastructures import ETags

from canvas_sync_core.locks import Lock

__all__ = ["RecentTags"]

_SECONDS: Final = 2.0
"""A page asks every five seconds, so it is never this much older than it would be anyway."""
_MOST: Final = 500


class RecentTags:
    """The entity tags of the pages that were rendered in the last two seconds.

    Many visitors with the same page open cost as much as one. Only polls are answered from here: a
    page that a visitor opens is always rendered.

    Args:
        clock: Returns seconds.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = Lock()
        self._tags: OrderedDict[Hashable, tuple[float, str]] = OrderedDict()

    def note(self, page: Hashable, tag: str) -> None:
        """Remember the tag of a page that has just been rendered."""
        with self._lock:
            self._tags[page] = self._clock(), tag
            self._tags.move_to_end(page)
            while len(self._tags) > _MOST:
                self._tags.popitem(last=False)

    def find(self, page: Hashable, known: ETags) -> str | None:
        """Return the tag of a page if a client has the page as it was rendered; else None."""
        with self._lock:
            rendered, tag = self._tags.get(page, (float("-inf"), ""))
            is_recent = self._clock() - rendered < _SECONDS
        return tag if is_recent and known.contains_weak(tag) else None

    def forget(self) -> None:
        """Forget all tags, because something was changed."""
        with self._lock:
            self._tags.clear()
