"""Labels of metrics: a closed label lists its values, an open label has a limit."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

import msgspec

from canvas_sync_core.names import OTHER

__all__ = [
    "MAX_CHANNELS",
    "MAX_COMBINATIONS",
    "MAX_INCIDENTS",
    "MAX_TOKENS",
    "Label",
    "closed",
    "opened",
]

MAX_COMBINATIONS: Final = 200
"""The most combinations of app-chosen values for each metric and process."""

MAX_TOKENS: Final = 50
"""The most access tokens that are distinguished."""

MAX_CHANNELS: Final = 50
"""Destinations of messages; an exporter has a few."""
MAX_INCIDENTS: Final = 100
"""The most open incidents that have a series; a series ends with its incident."""


class Label(msgspec.Struct, frozen=True):
    """A label of a metric, either closed or open.

    Attributes:
        name: Its name in the exposition.
        values: All values of a closed label.
        limit: The most values of an open label, combined with the other open labels of the metric;
            further values become ``other``.
        is_known: Returns whether a value of an open label is from a list of ours, such as the
            Canvas routes. Such values do not count towards the limit.
    """

    name: str
    values: tuple[str, ...] = ()
    limit: int = 0
    is_known: Callable[[str], bool] | None = None

    def __post_init__(self) -> None:
        if bool(self.values) == (self.limit > 0):
            raise ValueError(
                f"The label {self.name!r} is not bounded: give either all its values (closed) or "
                "a limit (open)."
            )

    @property
    def is_open(self) -> bool:
        """Whether an app chooses the values."""
        return not self.values

    def admits(self, value: str) -> bool:
        """Return whether a value can be served without counting towards the limit."""
        if self.values:
            return value in self.values
        return value == OTHER or (self.is_known is not None and self.is_known(value))


def closed(name: str, values: Sequence[str]) -> Label:
    """Make a label with a fixed list of values."""
    return Label(name, tuple(values))


def opened(
    name: str, limit: int = MAX_COMBINATIONS, is_known: Callable[[str], bool] | None = None
) -> Label:
    """Make a label whose values an app chooses; arguments as in :class:`Label`."""
    return Label(name, limit=limit, is_known=is_known)
