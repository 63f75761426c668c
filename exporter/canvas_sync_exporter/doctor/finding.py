"""What a check found."""

from __future__ import annotations

from enum import StrEnum

import msgspec

__all__ = ["Finding", "Status"]


class Status(StrEnum):
    """Status of a finding, from good to bad."""

    OK = "ok"
    WARNING = "warning"
    FAILED = "failed"


class Finding(msgspec.Struct, frozen=True):
    """What a check found.

    Attributes:
        status: The status.
        message: The finding, in a sentence or two.
        remedy: What to do; None if nothing.
    """

    status: Status
    message: str
    remedy: str | None = None

    @classmethod
    def ok(cls, message: str) -> Finding:
        """All is well."""
        return cls(Status.OK, message)

    @classmethod
    def warning(cls, message: str, remedy: str) -> Finding:
        """It works, but should be changed."""
        return cls(Status.WARNING, message, remedy)

    @classmethod
    def failed(cls, message: str, remedy: str) -> Finding:
        """It does not work."""
        return cls(Status.FAILED, message, remedy)
