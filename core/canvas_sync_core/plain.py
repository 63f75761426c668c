"""An app's values as plain ones: exact classes of Python, whatever their own classes do.

Objects of an app may be subclasses of ``int`` or ``str`` whose methods fail, numbers of numpy, or
anything else. What is made of them here behaves as the class says.
"""

from __future__ import annotations

import math
import operator
from typing import Any, Final

from .asynchronous import raise_if_asynchronous

__all__ = ["MAX_COUNT", "MAX_SECONDS", "class_name", "number_of", "text_of", "whole_number_of"]

MAX_COUNT: Final = 2**53
"""What every reader of JSON takes for the same whole number; sums of it fit the columns."""
MAX_SECONDS: Final = 1e9
"""Over 31 years; sums of it stay finite."""


def text_of(value: object) -> str:
    """Give the text of an app's object, whose ``__str__`` may fail: then the name of its class."""
    if type(value) is str:
        return value
    try:
        text = str(value)
    except Exception as error:  # noqa: BLE001 - the app's own code
        raise_if_asynchronous(error)
        text = value if issubclass(type(value), str) else class_name(value)  # type: ignore[assignment]
    return str.__str__(text)


def whole_number_of(value: Any) -> int | None:
    """Give a whole number as ``int``, also one of numpy; None for anything else, ``bool`` too."""
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
    """Give a number as ``float``, also a Decimal or one of numpy; None for anything else.

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
    """Tell by its class alone: ``isinstance`` asks the object too."""
    return issubclass(type(value), kind)


def class_name(value: object) -> str:
    """Give the name of an object's class."""
    return str.__str__(type.__dict__["__name__"].__get__(type(value)))
