"""Caches results that conditions share. This is safe because facts are immutable.

A result that depends on one sync type alone is reused until that sync type changes.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import TypeVar

from .facts import Facts, SyncFacts

__all__ = ["once_for_each_judging", "once_for_each_sync"]

T = TypeVar("T")


def once_for_each_sync(function: Callable[[SyncFacts], T]) -> Callable[[SyncFacts], T]:
    """Cache the result of a function until the sync type changes."""
    key = _name(function)

    @wraps(function)
    def remembering(sync: SyncFacts) -> T:
        try:
            result: T = sync.memo[key]
        except KeyError:
            result = sync.memo[key] = function(sync)
        return result

    return remembering


def once_for_each_judging(
    function: Callable[[Facts, SyncFacts], T],
) -> Callable[[Facts, SyncFacts], T]:
    """Cache the result of a function for a sync type within one judging."""
    name = _name(function)

    @wraps(function)
    def remembering(facts: Facts, sync: SyncFacts) -> T:
        key = (name, sync.sync_type)
        try:
            result: T = facts.memo[key]
        except KeyError:
            result = facts.memo[key] = function(facts, sync)
        return result

    return remembering


def _name(function: Callable[..., object]) -> str:
    return f"{function.__module__}.{function.__qualname__}"
