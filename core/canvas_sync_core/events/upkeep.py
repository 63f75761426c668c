"""Events of the exporter's own work."""

from __future__ import annotations

import msgspec

from .run import ErrorInfo

__all__ = [
    "LogsCleaned",
]


class LogsCleaned(msgspec.Struct, frozen=True):
    """The exporter archived rotated log files and deleted old archives.

    Attributes:
        files: Number of log files that were archived.
        archives_deleted: Number of archives that were deleted.
        reclaimed_bytes: How much smaller logs and archives are together.
        error: Why the cleanup failed, entirely or in part.
        context: Always None: a cleanup belongs to no run.
    """

    time: float
    duration: float
    files: int
    archives_deleted: int
    reclaimed_bytes: int
    error: ErrorInfo | None
    context: None = None

    @property
    def outcome(self) -> str:
        """``success`` or ``failed``."""
        return "success" if self.error is None else "failed"
