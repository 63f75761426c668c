"""One table of a configuration file: typed values, and a message for each mistake."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, Final, TypeVar
from zoneinfo import available_timezones

from canvas_sync_core.settings import time_zone
from canvas_sync_exporter.schedules.durations import parse_duration
from canvas_sync_exporter.schedules.sync_types import NAME_HINT, is_sync_type

from .document import Document
from .lines import KeyPath
from .problems import Problem, did_you_mean

__all__ = ["Table"]

T = TypeVar("T")

_YEARS: Final = range(2000, 3000)

_KINDS: Final = {
    str: "a text",
    bool: "true or false",
    int: "a number",
    float: "a number",
    dict: "a table",
    list: "a list",
    dt.datetime: "a date and time",
    dt.date: "a date",
    dt.time: "a time of day",
}


class Table:
    """A table whose keys are read one by one; keys that are never read are unknown.

    Invalid values are added to the problems and read as None.

    Args:
        document: The file.
        problems: The list to which mistakes are added.
        path: The path of the table in the file.
        values: Its keys and values.
    """

    def __init__(
        self,
        document: Document,
        problems: list[Problem],
        path: KeyPath,
        values: Mapping[str, Any],
    ) -> None:
        self._document = document
        self._problems = problems
        self._path = path
        self._values = values
        self._known: list[str] = []

    @property
    def line(self) -> int:
        """The line of the table in the file."""
        return self._document.line_of(self._path)

    def __contains__(self, key: str) -> bool:
        return key in self._values

    def parsed(
        self, key: str, parse: Callable[[str], T], hint: str, *, is_secret: bool = False
    ) -> T | None:
        """Read a text.

        Args:
            key: Its key.
            parse: Converts it, or raises ValueError that says what to write instead.
            hint: An example for a value that is not a text at all, such as ``"45m"``.
            is_secret: Whether to leave the value out of messages.
        """
        value = self._value(key, str, f"write a text such as {hint}")
        if value is None:
            return None
        try:
            return parse(value)
        except ValueError as error:
            shown = "its value" if is_secret else repr(value)
            self.wrong(key, f"{shown} cannot be used: {error}")
            return None

    def whole_number(self, key: str, low: int, high: int) -> int | None:
        """Read an integer from ``low`` to ``high``, inclusive."""
        value = self._value(key, int, f"write a number from {low} to {high}")
        if value is not None and not low <= value <= high:
            self.wrong(key, f"write a number from {low} to {high}")
            return None
        return value

    def flag(self, key: str) -> bool | None:
        """Read true or false."""
        self._known.append(key)
        value = self._values.get(key)
        if value is None or isinstance(value, bool):
            return value
        self.wrong(key, f"{_kind(value)}; write true or false, without quotes")
        return None

    def choice(self, key: str, choices: Iterable[T]) -> T | None:
        """Read one of several words."""
        return self.parsed(key, _one_of(choices), " or ".join(f'"{each}"' for each in choices))

    def choices(self, key: str, choices: Iterable[T]) -> frozenset[T] | None:
        """Read a list of words, each one of several; a single text is a list of one."""
        known = list(choices)
        words = self.texts(key, _one_of(known), f'["{known[0]}"]')
        if words == []:
            self.wrong(key, f"it is empty; leave `{key}` out for all of them")
        return frozenset(words) if words else None

    def duration(self, key: str) -> dt.timedelta | None:
        """Read a duration."""
        return self.parsed(key, parse_duration, '"45m"')

    def zone(self, key: str) -> dt.tzinfo | None:
        """Read a time zone."""
        return self.parsed(key, _zone, '"Europe/Berlin"')

    def time(self, key: str, zone: dt.tzinfo) -> dt.datetime | None:
        """Read a date (meaning its midnight) or a date and time, and convert it to UTC."""
        value = self._value(key, dt.date, "write a date such as 2026-12-19, without quotes")
        if value is None:
            return None
        if not isinstance(value, dt.datetime):
            value = dt.datetime.combine(value, dt.time())
        # Schedules look for due times after it, which the calendar's last years do not have.
        if value.year not in _YEARS:
            self.wrong(key, f"write a date in the years {_YEARS[0]} to {_YEARS[-1]}")
            return None
        return (value if value.tzinfo else value.replace(tzinfo=zone)).astimezone(dt.UTC)

    def sync_types(self, key: str) -> list[str] | None:
        """Read a list of sync types; a single text is a list of one."""
        return self.texts(key, _sync_type, '["full", "incremental"]')

    def texts(self, key: str, parse: Callable[[str], T], hint: str) -> list[T] | None:
        """Read a list of texts; a single text is a list of one.

        Args:
            key: Its key.
            parse: Converts one text, or raises ValueError that says what to write instead.
            hint: An example for a value that is not a list of texts.
        """
        self._known.append(key)
        value = self._values.get(key)
        if value is None:
            return None
        if isinstance(value, str):
            value = [value]
        if not isinstance(value, list) or not all(isinstance(each, str) for each in value):
            self.wrong(key, f"write a list of texts such as {hint}")
            return None
        try:
            return [parse(each) for each in value]
        except ValueError as error:
            self.wrong(key, str(error))
            return None

    def table(self, key: str) -> Table:
        """Read a nested table; an empty one if it is missing."""
        return self._table((key,), self._value(key, dict, f"write [{self.name_of(key)}]") or {})

    def tables(self, key: str) -> Iterator[Table]:
        """Read an array of tables, such as ``[[pauses]]``."""
        hint = f"write [[{self.name_of(key)}]] above each of them"
        for index, value in enumerate(self._value(key, list, hint) or ()):
            if isinstance(value, dict):
                yield self._table((key, index), value)
            else:
                self.wrong(key, f"{_kind(value)} instead of a table; {hint}")

    def table_or_tables(self, key: str) -> Iterator[Table]:
        """Read one table, such as ``[messages.slack]``, or several, ``[[messages.slack]]``."""
        value = self._values.get(key)
        if isinstance(value, list):
            yield from self.tables(key)
            return
        value = self._value(key, dict, f"write [{self.name_of(key)}] with keys below it")
        if value is not None:
            yield self._table((key,), value)

    def named_tables(self) -> Iterator[tuple[str, Table]]:
        """Read tables with arbitrary names, such as those of sync types."""
        for name in self._values:
            value = self._value(name, dict, f"write [{self.name_of(name)}] with keys below it")
            if value is not None:
                yield name, self._table((name,), value)

    def keys(self) -> Iterator[str]:
        """Return arbitrary keys, such as the names of hosts."""
        return iter(self._values)

    def reject_unknown(self) -> None:
        """Report each key that has not been read."""
        for key in self._values:
            if key not in self._known:
                known = ", ".join(f"`{each}`" for each in self._known)
                suggestion = did_you_mean(key, self._known)
                self.wrong(key, f"unknown key{suggestion or f'; known keys: {known}'}")

    def wrong(self, key: str, message: str) -> None:
        """Report a mistake in a key."""
        self._problems.append(self.problem(key, message))

    def problem(self, key: str, message: str) -> Problem:
        """Return what to say about a key, with its line."""
        line = self._document.line_of((*self._path, key))
        return Problem(line, f"{self.name_of(key)}: {message}")

    def wrong_table(self, message: str) -> None:
        """Report a mistake in the table as a whole."""
        self._problems.append(Problem(self.line, f"{_dotted(self._path)}: {message}"))

    def name_of(self, key: str) -> str:
        """Return the full name of a key, such as ``syncs.full.grace``."""
        return _dotted((*self._path, key))

    def _table(self, path: KeyPath, values: Mapping[str, Any]) -> Table:
        return Table(self._document, self._problems, (*self._path, *path), values)

    def _value(self, key: str, kind: type[T], hint: str) -> T | None:
        self._known.append(key)
        value = self._values.get(key)
        if value is None or (isinstance(value, kind) and not isinstance(value, bool)):
            return value
        self.wrong(key, f"{_kind(value)}; {hint}")
        return None


def _sync_type(name: str) -> str:
    if not is_sync_type(name):
        raise ValueError(f"{name[:80]!r} cannot be a sync type: {NAME_HINT}")
    return name


def _one_of(choices: Iterable[T]) -> Callable[[str], T]:
    known = {str(each): each for each in choices}

    def parse(word: str) -> T:
        if word in known:
            return known[word]
        listed = ", ".join(f"`{each}`" for each in known)
        suggestion = did_you_mean(word, list(known)) or f"; write one of {listed}"
        raise ValueError(f"{word[:80]!r} is not known{suggestion}")

    return parse


def _zone(text: str) -> dt.tzinfo:
    try:
        return time_zone(text)
    except ValueError as error:
        suggestion = did_you_mean(text, sorted(available_timezones()))
        raise ValueError(f"{error}{suggestion}") from None


def _kind(value: object) -> str:
    return f"it is {_KINDS.get(type(value), 'something else')}"


def _dotted(path: KeyPath) -> str:
    return ".".join(str(part) for part in path if isinstance(part, str))
