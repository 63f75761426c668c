"""Texts that occur in the source code, and so are not data."""

from __future__ import annotations

import linecache
import re
from collections.abc import Iterable, Iterator, Mapping, Set
from functools import cached_property
from itertools import islice
from types import CodeType
from typing import Any, Final

from canvas_sync_core.patterns import late_pattern

from .frames import CodeLocation, app_locations

__all__ = ["SourceTexts"]

_MOST_LOCATIONS: Final = 60
_DEEPEST: Final = 3
_MOST_VALUES: Final = 1000
_IDENTIFIER: Final = late_pattern(r"[a-z_][a-z0-9_]{1,60}")

_FIELD: Final = late_pattern(r"%[\w.]*[a-z]|\{[^{}]*\}")
_QUOTED: Final = late_pattern(r"['\"]([a-z_][a-z0-9_]{1,60})(?=['\"])")
_QUOTATION: Final = late_pattern("['\"]")


class SourceTexts:
    """The constants and names in the code of a traceback.

    Args:
        locations: The traceback; of a very long one, only the innermost part.
    """

    def __init__(self, locations: Iterable[CodeLocation]) -> None:
        self._locations = list(locations)[-_MOST_LOCATIONS:]

    def __contains__(self, text: str) -> bool:
        """Return whether ``text`` is a constant, a name, or an identifier quoted in a constant."""
        if self.has_exactly(text):
            return True
        if _IDENTIFIER.fullmatch(text) is None:
            return False
        quoted = (f"'{text}'", f'"{text}"')
        is_quoted = any(mark in constant for constant in self._constants for mark in quoted)
        return is_quoted or self._is_declared(text) or text in self._quoted_in_files

    def has_phrase_of(self, text: str) -> bool:
        """Return whether a constant or format part of the innermost code has some words."""
        constants = _texts(self._locations[-1].code.co_consts) if self._locations else ()
        parts = (part.strip() for constant in constants for part in _FIELD.split(constant))
        return any(" " in part and part in text for part in parts)

    def has_exactly(self, text: str) -> bool:
        """Return whether ``text`` is a constant or a name."""
        return not text or text in self._names or text in self._constants

    def has_in_statement(self, word: str) -> bool:
        """Return whether a statement in the app's code has ``word`` in it, before any value."""
        pattern = re.compile(rf"(?<!\w){re.escape(word)}(?!\w)")
        codes = {location.code for location in app_locations(self._locations)}
        statements = (text for code in codes for text in _texts(code.co_consts))
        return any(pattern.search(_QUOTATION.split(text, 1)[0]) for text in statements)

    @cached_property
    def _quoted_in_files(self) -> Set[str]:
        """Quoted identifiers in the app's source files: defaults, entries of mappings."""
        locations = {each.code.co_filename: each for each in app_locations(self._locations)}
        return {
            word
            for each in locations.values()
            for line in _lines(each)
            for word in _QUOTED.findall(line)
        }

    @cached_property
    def _codes(self) -> Set[CodeType]:
        return {location.code for location in self._locations}

    @cached_property
    def _constants(self) -> Set[str]:
        return {text for code in self._codes for text in _texts(code.co_consts)}

    @cached_property
    def _names(self) -> Set[str]:
        return {name for code in self._codes for name in _names(code)}

    def _is_declared(self, word: str) -> bool:
        """Return whether a constant of the module that the code uses has ``word``.

        The value of a variable may be data, so the word must also occur in the source file.
        """
        return any(
            _holds(location.variables, name, word) and _occurs_in_source(location, word)
            for location in app_locations(self._locations)
            for name in location.code.co_names
            if name.isupper()
        )


def _names(code: CodeType) -> Iterator[str]:
    yield from (*code.co_names, *code.co_varnames, *code.co_freevars, *code.co_cellvars)
    yield from code.co_qualname.split(".")


def _texts(constants: Iterable[object], depth: int = _DEEPEST) -> Iterator[str]:
    for constant in constants:
        if isinstance(constant, str):
            yield constant
        elif depth and isinstance(constant, tuple | frozenset):
            yield from _texts(constant, depth - 1)


def _holds(variables: Mapping[str, Any], name: str, word: str) -> bool:
    value = variables.get(name)
    if type(value) is str:
        return word in value.split() or word == value
    if value is not None and type(value) in (tuple, list, set, frozenset, dict):
        return any(type(each) is str and each == word for each in islice(value, _MOST_VALUES))
    return False


def _occurs_in_source(location: CodeLocation, word: str) -> bool:
    pattern = re.compile(rf"(?<!\w){word}(?!\w)")
    return any(word in line and pattern.search(line) for line in _lines(location))


def _lines(location: CodeLocation) -> list[str]:
    return linecache.getlines(location.code.co_filename, dict(location.variables))
