"""The keys of metric files, parsed."""

from __future__ import annotations

import re
from typing import Final

import msgspec

from .layout import BrokenFileError

__all__ = ["SampleKey", "SampleKeys"]

_NAME: Final = re.compile(r"[a-zA-Z_][a-zA-Z0-9_]*")
_MOST_LATEST: Final = 1_000
_LABELS_BEGIN: Final = b", {"
_LABELS_END: Final = b'}, "'
"""Occurs nowhere after the labels: the help is a JSON string, which has no bare ``"``."""


class _Sample(msgspec.Struct, frozen=True, eq=False):
    """What all keys of one sample have in common."""

    metric: str
    name: str
    help: str
    before_labels: bytes
    after_labels: bytes


class SampleKey(msgspec.Struct, frozen=True, eq=False, gc=False):
    """A parsed key. Equal ones that one :class:`SampleKeys` has parsed are the same object.

    There may be tens of thousands, all kept. So names and help are shared, labels are decoded when
    they are needed, and the garbage collector need not go through the keys.

    Attributes:
        bound: The bucket's upper bound; None for anything but a bucket.
    """

    _sample: _Sample
    _labels: bytes
    bound: float | None

    @property
    def metric(self) -> str:
        """Name of the family."""
        return self._sample.metric

    @property
    def sample(self) -> str:
        """Name of the sample."""
        return self._sample.name

    @property
    def help(self) -> str:
        """Help text of the family."""
        return self._sample.help

    @property
    def labels(self) -> tuple[tuple[str, str], ...]:
        """Sorted, without ``le``."""
        labels = _decode(self._labels)
        labels.pop("le", None)
        return tuple(sorted(labels.items()))

    @property
    def raw(self) -> bytes:
        """The key itself."""
        return self._sample.before_labels + self._labels + self._sample.after_labels


class SampleKeys:
    """Parses keys, each once.

    Many short processes write the same few keys, so the latest ones are found without taking them
    apart.
    """

    def __init__(self) -> None:
        self._latest: dict[bytes, SampleKey] = {}
        self._known: dict[tuple[bytes, bytes], tuple[_Sample, dict[bytes, SampleKey]]] = {}
        self._bounds: dict[str, float] = {}

    def parse(self, key: bytes) -> SampleKey:
        """Parse a key.

        Raises:
            BrokenFileError: It is not the key of a sample.
        """
        parsed = self._latest.get(key)
        if parsed is None:
            parsed = self._parse(key)
            if len(self._latest) >= _MOST_LATEST:
                self._latest.clear()
            self._latest[key] = parsed
        return parsed

    def _parse(self, key: bytes) -> SampleKey:
        before, begin, rest = key.partition(_LABELS_BEGIN)
        labels, end, after = rest.rpartition(_LABELS_END)
        known = self._known.get((before, after))
        if known is None:
            sample = _parse_sample(key, before + begin, end + after)
            known = self._known[before, after] = sample, {}
        sample, parsed_keys = known
        parsed = parsed_keys.get(labels)
        if parsed is None:
            parsed = parsed_keys[labels] = SampleKey(sample, labels, self._bound(key, labels))
        return parsed

    def _bound(self, key: bytes, labels: bytes) -> float | None:
        try:
            decoded = _decode(labels)
            bound = decoded.get("le")
            if bound is not None and bound not in self._bounds:
                self._bounds[bound] = float(bound)
        except ValueError as error:
            raise _broken(key, error) from error
        _require_names(key, *decoded)
        return None if bound is None else self._bounds[bound]


def _parse_sample(key: bytes, before_labels: bytes, after_labels: bytes) -> _Sample:
    try:
        metric, name, _, text = msgspec.json.decode(key, type=tuple[str, str, dict[str, str], str])
    except ValueError as error:
        raise _broken(key, error) from error
    _require_names(key, metric, name)
    return _Sample(metric, name, text, before_labels, after_labels)


def _decode(labels: bytes) -> dict[str, str]:
    return msgspec.json.decode(b"{%b}" % labels, type=dict[str, str])


def _require_names(key: bytes, *names: str) -> None:
    if not all(map(_NAME.fullmatch, names)):
        raise BrokenFileError(f"{key[:80]!r} has a name that Prometheus does not take")


def _broken(key: bytes, error: ValueError) -> BrokenFileError:
    return BrokenFileError(f"{key[:80]!r} is not the key of a sample: {error}")
