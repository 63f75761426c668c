"""Reports invalid cursors of lists to the client."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from canvas_sync_core.store.cursors import BadCursor

from .problems import FieldError, ProblemError

__all__ = ["cursor_problems"]


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
