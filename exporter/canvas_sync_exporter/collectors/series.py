"""A metric family whose series are written once and get new values at each scrape."""

from __future__ import annotations

from functools import cached_property

import msgspec
from prometheus_client.metrics_core import Metric
from prometheus_client.samples import Exemplar, Sample

__all__ = ["Labels", "Series", "SeriesFamily", "escaped"]

Labels = tuple[tuple[str, str], ...]


class Series(msgspec.Struct, frozen=True, gc=False):
    """A series as it is served.

    There may be tens of thousands, all kept, so the garbage collector need not go through them.

    Attributes:
        name: Name of its samples.
        labels: Without ``le``.
        le: The upper bound of a bucket.
        text: Name and labels as an exposition shows them.
    """

    name: str
    labels: Labels
    le: str | None
    text: str

    @classmethod
    def of(cls, name: str, labels: Labels, le: str | None = None) -> Series:
        """Write a series; neither its name nor those of its labels need escaping."""
        whole = labels if le is None else (*labels, ("le", le))
        if not whole:
            return cls(name, labels, le, name)
        pairs = ",".join(f'{label}="{escaped(value)}"' for label, value in sorted(whole))
        return cls(name, labels, le, f"{name}{{{pairs}}}")

    def all_labels(self) -> dict[str, str]:
        """Return the labels with ``le``."""
        return dict(self.labels) if self.le is None else {**dict(self.labels), "le": self.le}


class SeriesFamily(Metric):
    """A family that makes an object of each sample only for those who ask for ``samples``.

    Attributes:
        series: Its series, in order.
        values: The value of each.
        exemplars: Position of a series -> its exemplar.
        sample_names: The names that occur in ``series``.
    """

    def __init__(self, name: str, documentation: str, typ: str) -> None:
        super().__init__(name, documentation, typ)
        del self.samples  # an attribute would hide the property
        self.series: list[Series] = []
        self.values: list[float] = []
        self.exemplars: dict[int, Exemplar] = {}
        self.sample_names: set[str] = set()

    @cached_property
    def samples(self) -> list[Sample]:  # type: ignore[override] # an attribute of the library's
        """The same as samples of the library."""
        return [
            Sample(each.name, each.all_labels(), value, None, self.exemplars.get(position))
            for position, (each, value) in enumerate(zip(self.series, self.values, strict=True))
        ]


def escaped(value: str) -> str:
    r"""Escape the value of a label: ``\``, line ends and ``"``."""
    return value.replace("\\", r"\\").replace("\n", r"\n").replace('"', r"\"")
