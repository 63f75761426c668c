"""Fixtures of the tests of the documentation."""

from __future__ import annotations

from support.served import served

__all__ = ["served"]
