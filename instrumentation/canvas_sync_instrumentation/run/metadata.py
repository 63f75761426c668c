"""Cleans an app's metadata for the row: plain JSON, bounded, without secrets."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Mapping
from functools import lru_cache
from itertools import count, islice
from typing import Any, Final

from canvas_sync_core.asynchronous import raise_if_asynchronous
from canvas_sync_core.canvas.redaction import REMOVED, redact
from canvas_sync_core.canvas.secret_names import is_secret_name
from canvas_sync_core.plain import text_of

__all__ = ["clean_metadata"]

_DEPTH: Final = 4
_ENTRIES: Final = 100
_VALUES: Final = 500
"""Values in total."""
_CHARACTERS: Final = 16_384
"""Characters of keys and texts in total; cleaning that many takes a few milliseconds."""
_LONGEST_TEXT: Final = 2000
_BIGGEST: Final = 2**63
"""JSON readers, SQLite and PostgreSQL disagree on integers from here on."""
_KEY_LENGTH: Final = 100
_SHORT: Final = 40
_CUT: Final = "…"
_END: Final = object()
_BYTES: Final = (bytes, bytearray, memoryview)
_TEXTS: Final = (str, *_BYTES)


def clean_metadata(metadata: Mapping[str, Any]) -> dict[str, Any]:
    """Copy ``metadata`` as plain JSON values.

    Secrets and e-mail addresses are removed from texts, and texts are cut to 500 characters. The
    whole value is removed if its key names a secret (``access_token``, ``pwd``, ``session``).
    Values that JSON cannot represent become text. A ``…`` marks what is left out: below 4 levels,
    beyond 100 entries of a collection, and beyond 500 values or 16,384 characters in total.
    """
    return _Cleaning().mapping(metadata, _DEPTH)


class _Cleaning:
    """One cleaning, with the values and characters that may still be added."""

    def __init__(self) -> None:
        self._values = _VALUES
        self._characters = _CHARACTERS

    def mapping(self, mapping: Mapping[Any, Any], depth: int) -> dict[str, Any]:
        cleaned: dict[str, Any] = {}
        for key in self._bounded(mapping):
            if key is _END:
                cleaned[_free_name(_CUT, cleaned)] = _CUT
                break
            text = self._taken(text_of(key))
            clean = _known_key if text.isidentifier() and len(text) <= _SHORT else _cleaned_key
            name, is_secret = clean(text)
            cleaned[_free_name(name, cleaned)] = (
                REMOVED if is_secret else self._item(mapping, key, depth)
            )
        return cleaned

    def _item(self, mapping: Mapping[Any, Any], key: object, depth: int) -> Any:
        """Clean one value; if it cannot be read or has vanished, the others are not affected."""
        try:
            return self._value(mapping[key], depth)
        except Exception as error:  # noqa: BLE001 - the app's own code
            raise_if_asynchronous(error)
            return _CUT

    def _value(self, value: Any, depth: int) -> Any:
        kind = type(value)
        if value is None or kind is bool:
            return value
        if kind is float:
            return value if math.isfinite(value) else str(value)
        if kind is int:
            return value if -_BIGGEST <= value < _BIGGEST else _text_of_number(value)
        if issubclass(kind, Collection) and not issubclass(kind, _TEXTS):
            return self._read(value, depth - 1) if depth > 0 else _CUT
        if issubclass(kind, _BYTES):
            value = bytes(value[:_LONGEST_TEXT])
        return redact(self._taken(text_of(value)))

    def _read(self, values: Collection[Any], depth: int) -> Any:
        try:
            return self._collection(values, depth)
        except Exception as error:  # noqa: BLE001 - the app's own code
            raise_if_asynchronous(error)
            return text_of(type(values).__name__)

    def _collection(self, values: Collection[Any], depth: int) -> Any:
        if issubclass(type(values), Mapping):
            return self.mapping(values, depth)  # type: ignore[arg-type]  # issubclass says so
        return [
            _CUT if value is _END else self._value(value, depth) for value in self._bounded(values)
        ]

    def _bounded(self, values: Iterable[Any]) -> Iterable[Any]:
        """Yield as many values as the limits allow, then ``_END`` if there are more.

        The values are copied first, because another thread may change the collection meanwhile.
        """
        first = list(islice(values, _ENTRIES + 1))
        for index, value in enumerate(first):
            if index == _ENTRIES or self._values <= 0 or self._characters <= 0:
                yield _END
                return
            self._values -= 1
            yield value

    def _taken(self, text: str) -> str:
        """Count the characters of a text, and cut a long one between two words."""
        if len(text) > _LONGEST_TEXT:
            text = text[:_LONGEST_TEXT].rpartition(" ")[0] + f" {_CUT}"
        self._characters -= len(text)
        return text


def _cleaned_key(key: str) -> tuple[str, bool]:
    return redact(key, _KEY_LENGTH), is_secret_name(key)


_known_key = lru_cache(maxsize=256)(_cleaned_key)
"""Only for identifiers: an app uses the same ones in every run, and other keys may be data."""


def _free_name(name: str, taken: Collection[str]) -> str:
    """Return a key that is not taken: different keys may have the same cleaned text."""
    if name not in taken:
        return name
    return next(free for n in count(2) if (free := f"{name}~{n}") not in taken)


def _text_of_number(number: int) -> str:
    """Return a number's digits, or their count: Python refuses to convert very long numbers."""
    digits = int(number.bit_length() * math.log10(2)) + 1
    return str(number) if digits < _KEY_LENGTH else f"a number of about {digits} digits"
