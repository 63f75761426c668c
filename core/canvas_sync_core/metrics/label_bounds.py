"""Keeps the number of series of each metric bounded."""

from __future__ import annotations

from collections.abc import Sequence

from canvas_sync_core.names import OTHER
from canvas_sync_core.schema.metrics import METRICS, MetricName

__all__ = ["LabelBounds"]


class LabelBounds:
    """Replaces values of labels that would make a metric unbounded by ``other``.

    A closed label accepts only its own values. Of the values of open labels, a process keeps as
    many combinations apart as the metric's limit allows; those that :meth:`.Label.admits` do not
    count. The caller holds a lock.
    """

    def __init__(self) -> None:
        self._chosen: dict[MetricName, set[tuple[str, ...]]] = {}

    def apply(self, name: MetricName, values: Sequence[str]) -> tuple[str, ...]:
        """Return the values under which a series is kept.

        Args:
            name: The metric.
            values: Values in the order of the metric's labels.

        Raises:
            ValueError: There are more or fewer values than labels.
        """
        spec = METRICS[name]
        pairs = list(zip(spec.labels, values, strict=True))
        admitted = tuple(value if label.admits(value) else OTHER for label, value in pairs)
        with_open = tuple(
            value if label.is_open else bounded
            for (label, value), bounded in zip(pairs, admitted, strict=True)
        )
        if with_open == admitted:
            return admitted
        chosen = tuple(value for label, value in pairs if label.is_open)
        known = self._chosen.setdefault(name, set())
        if chosen not in known:
            if len(known) >= spec.limit:
                return admitted
            known.add(chosen)
        return with_open
