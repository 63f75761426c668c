"""The keys of metric files, parsed."""

from __future__ import annotations

import re
from typing import Any, Final, TypeVar

import msgspec

from .layout import BrokenFileError

__all__ = ["SampleKey", "SampleKeys"]

_Shared = TypeVar("_Shared", str, tuple[tuple[str, str], ...])

_NAME: Final = re.compile(r"[a-zA-Z_][a-zA-Z0-9_]*")


class SampleKey(msgspec.Struct, frozen=True, gc=False):
    """A parsed key.

    There may be tens of thousands, all kept, so the garbage collector need not go through them.

    Attributes:
        raw: The key itself.
        metric: Name of the family.
        sample: Name of the sample.
        labels: Sorted, without ``le``.
        bound: The bucket's upper bound; None for anything but a bucket.
    """

    raw: bytes
    metric: str
    sample: str
    labels: tuple[tuple[str, str], ...]
    bound: float | None
    help: str


class SampleKeys:
    """Parses keys, each once. Equal texts and labels of theirs are the same objects."""

    def __init__(self) -> None:
        self._parsed: dict[bytes, SampleKey] = {}
        self._shared: dict[Any, Any] = {}

    def parse(self, key: bytes) -> SampleKey:
        """Parse a key.

        Raises:
            BrokenFileError: It is not the key of a sample.
        """
        parsed = self._parsed.get(key)
        if parsed is None:
            parsed = self._parsed[key] = self._parse(key)
        return parsed

    def _parse(self, key: bytes) -> SampleKey:
        try:
            metric, sample, labels, text = msgspec.json.decode(
                key, type=tuple[str, str, dict[str, str], str]
            )
            bound = labels.pop("le", None)
            pairs = tuple((self._share(name), self._share(labels[name])) for name in sorted(labels))
            parsed = SampleKey(
                raw=key,
                metric=self._share(metric),
                sample=self._share(sample),
                labels=self._share(pairs),
                bound=None if bound is None else float(bound),
                help=self._share(text),
            )
        except (msgspec.DecodeError, ValueError) as error:
            raise BrokenFileError(f"{key[:80]!r} is no key of a sample: {error}") from error
        if not all(_NAME.fullmatch(name) for name in (metric, sample, *labels)):
            raise BrokenFileError(f"{key[:80]!r} has a name that Prometheus does not take")
        return parsed

    def _share(self, value: _Shared) -> _Shared:
        shared: _Shared = self._shared.setdefault(value, value)
        return shared
