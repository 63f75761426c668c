"""Inspecting errors of libraries that are not imported here."""

from __future__ import annotations

from typing import Any

from canvas_sync_core.asynchronous import is_asynchronous

__all__ = ["attribute", "has_base"]


def attribute(value: object, name: str) -> Any:
    """Return an attribute; None if there is none, or if the app's code raises an exception."""
    try:
        return getattr(value, name, None)
    except Exception as error:  # the app's own code
        if is_asynchronous(error):
            raise
        return None


def has_base(error: BaseException, *names: str) -> bool:
    """Recognise an error of a library by the names of its base classes."""
    return any(cls.__name__ in names for cls in type(error).__mro__)
