"""What errors of a database mean, whichever library raised them.

PEP 249 gives the errors of every driver the same names, and SQLAlchemy gives them to its own. So
they are recognized by name, and neither SQLAlchemy nor a driver has to be imported.
"""

from __future__ import annotations

import sqlite3
from typing import Final

__all__ = ["cause_of", "is_busy", "is_database_error", "is_rejection"]

_OF_A_DATABASE: Final = frozenset({"Error", "SQLAlchemyError"})
_OF_A_VALUE: Final = frozenset({"DataError", "IntegrityError"})
_REJECTIONS: Final = (OverflowError, ValueError)
_BUSY_CODES: Final = frozenset({sqlite3.SQLITE_BUSY, sqlite3.SQLITE_BUSY_SNAPSHOT})


def cause_of(error: BaseException) -> BaseException:
    """Return the driver's error that SQLAlchemy has wrapped, or ``error`` itself."""
    return getattr(error, "orig", None) or error


def is_database_error(error: BaseException) -> bool:
    """Return whether a driver or SQLAlchemy raised an error."""
    return not _names(error).isdisjoint(_OF_A_DATABASE)


def is_rejection(error: BaseException) -> bool:
    """Return whether a database never accepts a value, such as a number of over 64 bits."""
    cause = cause_of(error)
    return isinstance(cause, _REJECTIONS) or not _names(cause).isdisjoint(_OF_A_VALUE)


def is_busy(error: BaseException) -> bool:
    """Return whether another process has locked an SQLite file."""
    return getattr(cause_of(error), "sqlite_errorcode", None) in _BUSY_CODES


def _names(error: BaseException) -> frozenset[str]:
    return frozenset(each.__name__ for each in type(error).__mro__)
