"""Describes an error so that a person can act on it: class, message, and place in the code."""

from __future__ import annotations

from .description import described_failure, error_info, error_of_text

__all__ = ["described_failure", "error_info", "error_of_text"]
