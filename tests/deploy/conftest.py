"""Fixtures of the tests of ``deploy``."""

from __future__ import annotations

from support.watched_demo import watched_demo

__all__ = ["watched_demo"]
