"""Reports database errors like any other failure."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy.exc import SQLAlchemyError

from canvas_sync_core.errors import StorageError
from canvas_sync_exporter.reasons import reason

__all__ = ["storage_failures"]


@contextmanager
def storage_failures() -> Iterator[None]:
    """Report a database error in one line.

    Raises:
        StorageError: The database cannot be reached or refuses.
    """
    try:
        yield
    except SQLAlchemyError as error:
        raise StorageError(reason(error)) from error
