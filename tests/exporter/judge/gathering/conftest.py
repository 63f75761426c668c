"""Tables for what the judge reads."""

from __future__ import annotations

from support.many_types import many_types

__all__ = ["many_types"]
