"""What was read from rollups is read again only after they changed."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from threading import Event

from canvas_sync_core.store.rollups.generation_cache import GenerationCache


def _read_from(values: list[str]) -> list[str]:
    """Return the values that a cache reads for some keys, each given as ``key generation``."""
    cache: GenerationCache[str] = GenerationCache(2)
    read: list[str] = []
    for value in values:
        key, generation = value.split()

        def note(value: str = value) -> str:
            read.append(value)
            return value

        assert cache.get_or_read(key, int(generation), note) == value
    return read


def test_a_value_is_read_once_for_each_generation() -> None:
    assert _read_from(["a 1", "a 1", "a 2", "a 2", "b 1", "a 2"]) == ["a 1", "a 2", "b 1"]


def test_the_least_recently_used_value_is_dropped() -> None:
    assert _read_from(["a 1", "b 1", "a 1", "c 1", "a 1", "b 1"]) == ["a 1", "b 1", "c 1", "b 1"]
    assert _read_from(["a 1", "b 1", "a 2", "c 1", "a 2"]) == ["a 1", "b 1", "a 2", "c 1"]


def test_threads_that_need_the_same_value_read_it_once() -> None:
    cache: GenerationCache[int] = GenerationCache(10)
    reads: list[int] = []
    are_waiting = Event()

    def read() -> int:
        assert are_waiting.wait(60)
        reads.append(1)
        return 7

    with ThreadPoolExecutor(3) as threads:
        found = [threads.submit(cache.get_or_read, "a", 1, read) for _ in range(3)]
        are_waiting.set()
        assert [each.result() for each in found] == [7, 7, 7]
    assert reads == [1]


def test_a_cached_value_is_returned_while_another_is_being_read() -> None:
    cache: GenerationCache[int] = GenerationCache(10)
    cache.get_or_read("cached", 1, lambda: 1)
    is_reading, may_go_on = Event(), Event()

    def read() -> int:
        is_reading.set()
        assert may_go_on.wait(60)
        return 2

    with ThreadPoolExecutor(1) as threads:
        slow = threads.submit(cache.get_or_read, "slow", 1, read)
        assert is_reading.wait(60)
        assert cache.get_or_read("cached", 1, lambda: 3) == 1
        may_go_on.set()
        assert slow.result() == 2
