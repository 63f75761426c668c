"""Events of the sync's own database."""

from __future__ import annotations

import msgspec

from .run import ErrorInfo, RunContext

__all__ = [
    "DbOperation",
    "DbOperationsSummed",
]


class DbOperation(msgspec.Struct, frozen=True, gc=False):
    """One operation of the sync on its own database.

    Attributes:
        operation: Upper case, such as ``INSERT`` or ``CREATE``.
        table: Table or model name; ``other`` when unknown.
        count: Number of rows (or objects) that it was given or that it affected.
        batch: Whether several rows were sent together.
        error: Why it failed; None if it succeeded.
        system: The database product, as OpenTelemetry names it.
        statement: Its SQL without values; None unless ``database.log`` has the level ``DEBUG``.
        is_upsert: Whether rows may have been updated, replaced or skipped instead of inserted.
        is_summed: Whether logs and traces show it only as part of a :class:`DbOperationsSummed`.
    """

    context: RunContext | None
    time: float
    duration: float
    operation: str
    table: str
    count: int = 1
    batch: bool = False
    error: ErrorInfo | None = None
    system: str = "other_sql"
    statement: str | None = None
    is_upsert: bool = False
    is_summed: bool = False

    @property
    def error_type(self) -> str | None:
        """Class name of its error; None if it succeeded."""
        return None if self.error is None else self.error.error_type

    @property
    def outcome(self) -> str:
        """The value of the ``outcome`` label: ``success`` or ``failed``."""
        return "success" if self.error is None else "failed"


class DbOperationsSummed(msgspec.Struct, frozen=True, gc=False):
    """Equal database operations of about a second, all of them successful and none of them slow.

    Metrics and the totals of the run already count them: each was a :class:`DbOperation` as well.

    Attributes:
        time: The end of the last one.
        duration: The sum of their durations.
        elapsed: Seconds from the start of the first to the end of the last.
        longest: The longest duration.
        operations: How many they are.
        count: Sum of their rows.
        batch: Whether each of them sent several rows together.
    """

    context: RunContext | None
    time: float
    duration: float
    elapsed: float
    longest: float
    operation: str
    table: str
    operations: int
    count: int
    batch: bool
    system: str
