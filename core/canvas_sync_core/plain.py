"""Converts an app's values to plain ones, of exact Python classes.

An app's objects may be subclasses of ``int`` or ``str`` whose methods fail, numpy numbers, or
anything else. The converted values are safe to use.
"""

from __future__ import annotations

import math
import operator
from typing import Any, Final

from .asynchronous import raise_if_asynchronous

__all__ = ["MAX_COUNT", "MAX_SECONDS", "class_name", "number_of", "text_of", "whole_number_of"]

MAX_COUNT: Final = 2**53
"""The largest integer that every JSON reader reads exactly; sums of it fit into the columns."""
MAX_SECONDS: Final = 1e9
"""Over 31 years; sums of it stay finite."""


def text_of(value: object) -> str:
    """Return the text of an app's object, or the name of its class if ``__str__`` fails."""
    if type(value) is str:
        return value
    try:
        text = str(value)
    except Exception as error:  # noqa: BLE001 - the app's own code
        raise_if_asynchronous(error)
        text = value if issubclass(type(value), str) else class_name(value)  # type: ignore[assignment]
    return str.__str__(text)


def whole_number_of(value: Any) -> int | None:
    """Return an integer as ``int``, even from numpy; None for anything else, including ``bool``."""
    if type(value) is int:
        return value
    if _is_a(value, bool):
        return None
    if _is_a(value, int):
        return int.__int__(value)
    try:
        return int.__int__(operator.index(value))
    except Exception as error:  # noqa: BLE001 - no whole number, or the app's own code
        raise_if_asynchronous(error)
        return None


def number_of(value: Any) -> float | None:
    """Return a number as ``float``, even a Decimal or from numpy; None for anything else.

    It may be infinite, but is never NaN.
    """
    if _is_a(value, str) or _is_a(value, bytes) or _is_a(value, bool):
        return None
    try:
        number = float.__float__(value) if _is_a(value, float) else _converted(value)
    except OverflowError:
        return math.inf if _is_positive(value) else -math.inf
    except Exception as error:  # noqa: BLE001 - as above
        raise_if_asynchronous(error)
        return None
    return None if math.isnan(number) else number


def _converted(value: Any) -> float:
    whole = whole_number_of(value)
    return float(value if whole is None else whole)


def _is_positive(value: object) -> bool:
    whole = whole_number_of(value)
    return whole is None or whole > 0


def _is_a(value: object, kind: type) -> bool:
    """Check only the class: ``isinstance`` would also ask the object."""
    return issubclass(type(value), kind)


def class_name(value: object) -> str:
    """Return the name of an object's class."""
    return str.__str__(type.__dict__["__name__"].__get__(type(value)))
