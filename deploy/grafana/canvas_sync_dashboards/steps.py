"""Thresholds at which a panel changes colour (leaf)."""

from __future__ import annotations

from typing import Final

from grafana_foundation_sdk.models.dashboard import Threshold, ThresholdsConfig, ThresholdsMode

__all__ = ["NEUTRAL", "Steps", "above", "below", "thresholds"]

Steps = tuple[tuple[float | None, str], ...]
"""Lower bound -> colour, ascending; the first bound is None."""

NEUTRAL: Final[Steps] = ((None, "blue"),)
"""For a number that has no good or bad values."""


def above(warning: float, bad: float) -> Steps:
    """Turn orange and red as a value grows."""
    return ((None, "green"), (warning, "orange"), (bad, "red"))


def below(warning: float, bad: float) -> Steps:
    """Turn orange and red as a value falls under ``warning`` and ``bad``."""
    return ((None, "red"), (bad, "orange"), (warning, "green"))


def thresholds(steps: Steps) -> ThresholdsConfig:
    """Build the SDK object."""
    named = [Threshold(value=value, color=colour) for value, colour in steps]
    return ThresholdsConfig(ThresholdsMode.ABSOLUTE, named)
