"""Locks of files exclude, are shared, and are given up in time."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from canvas_sync_core.files.locking import lock, try_lock, unlock


@pytest.fixture
def files(tmp_path: Path) -> Iterator[tuple[int, int]]:
    """Two descriptors of one file that were opened apart, as two processes have them."""
    flags = os.O_RDWR | os.O_CREAT
    descriptors = os.open(tmp_path / "a", flags), os.open(tmp_path / "a", flags)
    yield descriptors
    for fd in descriptors:
        os.close(fd)


def test_a_lock_excludes_others_until_it_is_released(files: tuple[int, int]) -> None:
    one, other = files
    lock(one)
    assert not try_lock(other)
    assert not try_lock(other, 0.01, shared=True)
    with pytest.raises(BlockingIOError):
        lock(other)
    unlock(one)
    assert try_lock(other)


def test_shared_locks_exclude_only_others_that_are_not_shared(files: tuple[int, int]) -> None:
    one, other = files
    assert try_lock(one, shared=True)
    assert try_lock(other, shared=True)
    unlock(other)
    assert not try_lock(other)


def test_a_lock_that_is_released_in_time_is_taken(files: tuple[int, int]) -> None:
    one, other = files
    lock(one)
    release = threading.Timer(0.01, unlock, [one])
    release.start()
    assert try_lock(other, 600)
    release.join()
