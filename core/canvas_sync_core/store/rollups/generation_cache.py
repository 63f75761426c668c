"""A cache of what was read from rollups, shared by all threads."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

from canvas_sync_core.locks import Lock, RLock

__all__ = ["GenerationCache"]

_Value = TypeVar("_Value")


class GenerationCache(Generic[_Value]):
    """Caches each value with the generation of the rollups that it was read from.

    Nothing has to be invalidated: the generation of a day increases with each change of its
    rollups, so values of an older generation are no longer found.

    Args:
        limit: Maximum number of values; the least recently used ones are dropped.
    """

    def __init__(self, limit: int) -> None:
        # Two locks: _lock protects the dictionary and is held briefly; _reading is held while the
        # database is read, so that concurrent clients after a start read each value only once.
        # Threads that find their value in the cache never wait for the database.
        self._lock = RLock()
        self._reading = Lock()
        self._limit = limit
        self._values: OrderedDict[Hashable, tuple[int, _Value]] = OrderedDict()

    def get_or_read(self, key: Hashable, generation: int, read: Callable[[], _Value]) -> _Value:
        """Return the value for a key; on a miss, read and cache it.

        Args:
            key: What the value belongs to.
            generation: The generation of the rollups.
            read: Reads the value from the database.
        """
        cached = self._get(key, generation)
        if cached is not None:
            return cached[1]
        with self._reading:
            cached = self._get(key, generation)  # another thread may have read it meanwhile
            if cached is not None:
                return cached[1]
            value = read()
            self._put(key, generation, value)
        return value

    def _get(self, key: Hashable, generation: int) -> tuple[int, _Value] | None:
        with self._lock:
            cached = self._values.get(key)
            if cached is None or cached[0] != generation:
                return None
            self._values.move_to_end(key)
            return cached

    def _put(self, key: Hashable, generation: int, value: _Value) -> None:
        with self._lock:
            self._values[key] = (generation, value)
            self._values.move_to_end(key)
            if len(self._values) > self._limit:
                self._values.popitem(last=False)
