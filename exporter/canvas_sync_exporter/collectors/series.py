"""A metric family whose series are written once and get new values at each scrape."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property

from prometheus_client.metrics_core import Metric
from prometheus_client.samples import Exemplar, Sample
from prometheus_client.utils import floatToGoString

from canvas_sync_core.metrics.sample_keys import SampleKey

__all__ = ["SeriesFamily", "escaped", "series_text", "shown_bound"]


class SeriesFamily(Metric):
    """A family that makes an object of each sample only for those who ask for ``samples``.

    Attributes:
        texts: Name and labels of each series as an exposition shows them, in order.
        keys: The key that has the labels of each.
        values: The value of each.
        exemplars: Position of a series -> its exemplar.
        sample_names: The names that occur in ``texts``.
    """

    def __init__(self, name: str, documentation: str, typ: str) -> None:
        super().__init__(name, documentation, typ)
        del self.samples  # an attribute would hide the property
        self.texts: list[str] = []
        self.keys: list[SampleKey] = []
        self.values: list[float] = []
        self.exemplars: dict[int, Exemplar] = {}
        self.sample_names: set[str] = set()

    @cached_property
    def samples(self) -> list[Sample]:  # type: ignore[override] # an attribute of the library's
        """The same as samples of the library."""
        return list(self._samples())

    def _samples(self) -> Iterator[Sample]:
        series = zip(self.texts, self.keys, self.values, strict=True)
        for position, (text, key, value) in enumerate(series):
            name = text.partition("{")[0]
            labels = dict(key.labels)
            if name == key.sample and key.bound is not None:  # not the count beside the bucket
                labels["le"] = shown_bound(key.bound)
            yield Sample(name, labels, value, None, self.exemplars.get(position))


def series_text(name: str, labels: tuple[tuple[str, str], ...], bound: float | None = None) -> str:
    """Write a series; neither its name nor those of its labels need escaping."""
    if bound is not None:
        labels = tuple(sorted((*labels, ("le", shown_bound(bound)))))
    if not labels:
        return name
    pairs = ",".join([f'{label}="{escaped(value)}"' for label, value in labels])
    return f"{name}{{{pairs}}}"


def shown_bound(bound: float) -> str:
    """Return the value of the label ``le``."""
    text: str = floatToGoString(bound)  # type: ignore[no-untyped-call] # the library has no types
    return text


def escaped(value: str) -> str:
    r"""Escape the value of a label: ``\``, line ends and ``"``."""
    return value.replace("\\", r"\\").replace("\n", r"\n").replace('"', r"\"")
