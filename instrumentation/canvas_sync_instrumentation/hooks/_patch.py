"""Replacing a method of somebody else's class, once, and putting it back."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

__all__ = ["Patch"]

Method = Callable[..., Any]


class Patch:
    """A method that can be replaced by a wrapper made from it.

    The wrapper must carry ``__wrapped__`` (:func:`functools.wraps`) and do nothing of its own once
    its hook is switched off: when another library has wrapped it in turn, it has to stay in place.

    Args:
        name: Name of the method.
        make: Makes the wrapper from the method.
    """

    def __init__(self, name: str, make: Callable[[Method], Method]) -> None:
        self._name = name
        self._make = make
        self._wrapper: Method | None = None

    def apply(self, owner: type) -> None:
        """Replace the method of ``owner``, unless its wrapper is there already."""
        current = getattr(owner, self._name)
        if self._wrapper is None or not _wraps(current, self._wrapper):
            self._wrapper = self._make(current)
            setattr(owner, self._name, self._wrapper)

    def remove(self, owner: type) -> None:
        """Put the method of ``owner`` back, unless another wrapper lies over ours."""
        wrapper = self._wrapper
        if wrapper is not None and getattr(owner, self._name) is wrapper:
            setattr(owner, self._name, wrapper.__wrapped__)  # type: ignore[attr-defined]  # by wraps
            self._wrapper = None


def _wraps(function: Method | None, wrapper: Method) -> bool:
    while function is not None and function is not wrapper:
        function = getattr(function, "__wrapped__", None)
    return function is wrapper
