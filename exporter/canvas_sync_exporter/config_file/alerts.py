"""The section ``[alerts]``: what the alert rules of Prometheus go by."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from .table import Table

__all__ = ["AlertSettings", "read_alerts"]

# The shortest pair of windows fires at 14.4 times the allowed share of failures, which has to stay
# well below all requests.
_LOWEST_GOAL: Final = 95.0
_HIGHEST_GOAL: Final = 99.99


@dataclass(frozen=True, slots=True)
class AlertSettings:
    """What the alert rules go by.

    Attributes:
        api_goal: The share of requests to Canvas that should succeed, in percent.
    """

    api_goal: float = 99.0

    @property
    def error_budget(self) -> float:
        """The share of requests that may fail."""
        return round(1 - self.api_goal / 100, 6)


def read_alerts(table: Table) -> AlertSettings:
    """Read the section."""
    goal = table.parsed("api_goal", _goal, '"99.5%"')
    table.reject_unknown()
    return AlertSettings() if goal is None else AlertSettings(goal)


def _goal(text: str) -> float:
    number, percent, rest = text.strip().partition("%")
    try:
        goal = float(number)
    except ValueError:
        goal = 0.0
    if not percent or rest or not _LOWEST_GOAL <= goal <= _HIGHEST_GOAL:
        raise ValueError(f'write {_LOWEST_GOAL:g}% to {_HIGHEST_GOAL:g}%, such as "99.5%"')
    return goal
