"""Labels of metrics: a closed one lists its values, an open one has a limit."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from canvas_sync_core.names import OTHER

__all__ = ["MAX_COMBINATIONS", "MAX_INCIDENTS", "MAX_TOKENS", "Label", "closed", "opened"]

MAX_COMBINATIONS: Final = 200
"""How many combinations of values that an app chooses a process keeps apart for each metric."""

MAX_TOKENS: Final = 50
"""How many access tokens are told apart."""

MAX_INCIDENTS: Final = 100
"""How many open incidents are described; a series ends with its incident."""


@dataclass(frozen=True, slots=True)
class Label:
    """A label of a metric, either closed or open.

    Attributes:
        name: Its name in the exposition.
        values: All values of a closed label.
        limit: How many values of an open label are kept apart, in combination with the other open
            labels of the metric; further ones become ``other``.
        is_known: Recognizes values of an open label that are from a list of ours, such as the
            routes of Canvas, and do not count towards the limit.
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
