"""What charts show."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

__all__ = ["Bar", "Series", "Trend"]


@dataclass(frozen=True, slots=True)
class Bar:
    """A number, and the part of it that is bad."""

    size: float
    bad: float = 0.0


@dataclass(frozen=True, slots=True)
class Series:
    """Durations that belong together.

    Attributes:
        name: What they are, such as ``p95``.
        seconds: The durations; None where there is none.
    """

    name: str
    seconds: Sequence[float | None]


@dataclass(frozen=True, slots=True)
class Trend:
    """A period of time, divided into days or months.

    Attributes:
        title: How it is divided, such as ``by day``.
        names: The days or months, in order: ``2025-12-22`` or ``2025-12``. Days may be missing.
        hints: A text for each of them, shown where a pointer rests on its mark.
    """

    title: str
    names: Sequence[str]
    hints: Sequence[str]
