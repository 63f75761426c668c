"""Cursors of lists that a client reads page by page."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from canvas_sync_core.store.cursors import BadCursor

from .parameters import text
from .problems import FieldError, ProblemError

__all__ = ["CURSOR", "cursor_problems"]

CURSOR: Final = text("cursor", "`next` from the previous page.", 500)
"""The parameter of each list of the database."""


@contextmanager
def cursor_problems() -> Iterator[None]:
    """Answer 422 when the cursor of a list cannot be read.

    Raises:
        ProblemError: The cursor cannot be read.
    """
    try:
        yield
    except BadCursor as error:
        wrong = FieldError("cursor", str(error))
        raise ProblemError(422, "The cursor is wrong.", errors=[wrong]) from error
