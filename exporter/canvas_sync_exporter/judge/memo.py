"""Works things out once for all conditions: facts never change, so neither does what follows.

What follows from a sync type alone is worked out again only when something of it has changed.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import TypeVar

from .facts import Facts, SyncFacts

__all__ = ["once_for_each_judging", "once_for_each_sync"]

T = TypeVar("T")


def once_for_each_sync(function: Callable[[SyncFacts], T]) -> Callable[[SyncFacts], T]:
    """Remember what a function returns as long as nothing of the sync type changes."""
    key = _name(function)

    @wraps(function)
    def remembering(sync: SyncFacts) -> T:
        try:
            found: T = sync.memo[key]
        except KeyError:
            found = sync.memo[key] = function(sync)
        return found

    return remembering


def once_for_each_judging(
    function: Callable[[Facts, SyncFacts], T],
) -> Callable[[Facts, SyncFacts], T]:
    """Remember what a function returns for a sync type as long as the facts are the same."""
    name = _name(function)

    @wraps(function)
    def remembering(facts: Facts, sync: SyncFacts) -> T:
        key = (name, sync.sync_type)
        try:
            found: T = facts.memo[key]
        except KeyError:
            found = facts.memo[key] = function(facts, sync)
        return found

    return remembering


def _name(function: Callable[..., object]) -> str:
    return f"{function.__module__}.{function.__qualname__}"
