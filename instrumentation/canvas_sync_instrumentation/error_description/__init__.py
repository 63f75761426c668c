"""What a person needs to act on an error: its class, its message, and where in the code it was."""

from __future__ import annotations

from .description import described_failure, error_info, error_of_text

__all__ = ["described_failure", "error_info", "error_of_text"]
