"""Words that go with numbers."""

from __future__ import annotations

__all__ = ["counted", "plural"]


def plural(number: int, singular: str) -> str:
    """Return the form of a regular noun that goes with a number: ``run`` or ``runs``."""
    return singular if number == 1 else f"{singular}s"


def counted(number: int, singular: str) -> str:
    """Return a number with a regular noun, such as ``1 row`` or ``1,234 rows``."""
    return f"{number:,} {plural(number, singular)}"
