"""The section ``[alerts]``: settings of Prometheus and Alertmanager."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from .secrets import read_secret
from .table import Table
from .urls import http_url

__all__ = ["AlertSettings", "read_alerts"]

_DEFAULT_GOAL: Final = 99.0
# The shortest pair of windows fires at 14.4 times the allowed share of failures, which has to stay
# well below all requests.
_LOWEST_GOAL: Final = 95.0
_HIGHEST_GOAL: Final = 99.99


@dataclass(frozen=True, slots=True)
class AlertSettings:
    """Settings of Prometheus and Alertmanager.

    Attributes:
        api_goal: The share of requests to Canvas that should succeed, in percent.
        dead_mans_switch: Where Alertmanager reports that alerting works; None for nowhere. It may
            contain a key, so it is never shown.
    """

    api_goal: float = _DEFAULT_GOAL
    dead_mans_switch: str | None = field(default=None, repr=False)

    @property
    def error_budget(self) -> float:
        """The share of requests that may fail."""
        return round(1 - self.api_goal / 100, 6)


def read_alerts(table: Table, environ: Mapping[str, str]) -> AlertSettings:
    """Read the section.

    Args:
        table: Its table.
        environ: Where to look up variables that hold secrets.
    """
    goal = table.parsed("api_goal", _goal, '"99.5%"')
    hint = '"https://hc-ping.com/..."'
    switch = read_secret(table, "dead_mans_switch", http_url, hint, environ)
    table.reject_unknown()
    return AlertSettings(_DEFAULT_GOAL if goal is None else goal, switch)


def _goal(text: str) -> float:
    number, percent, rest = text.strip().partition("%")
    try:
        goal = float(number)
    except ValueError:
        goal = 0.0
    if not percent or rest or not _LOWEST_GOAL <= goal <= _HIGHEST_GOAL:
        raise ValueError(f'write {_LOWEST_GOAL:g}% to {_HIGHEST_GOAL:g}%, such as "99.5%"')
    return goal
