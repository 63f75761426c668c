"""What readers of logs expect of a line, compared with what is written."""

from __future__ import annotations

import datetime as dt
import types
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final, Union, get_args, get_origin, get_type_hints

from canvas_sync_core.schema.log_records import LOG_EVENTS, Record

from .run_schema import without_annotations

__all__ = ["all_records", "documented_type", "own_fields", "reader_faults"]

_WORDS: Final[Mapping[type, str]] = {str: "string", int: "int", float: "double", bool: "bool"}
_WIDER: Final[Mapping[type, set[type]]] = {int: {int, float}, str: {str, dt.datetime}}


def own_fields(record: type[Record]) -> dict[str, Any]:
    """The types of the fields that a record has beside those of every line."""
    common = Record.__struct_fields__
    return {name: hint for name, hint in _hints(record).items() if name not in common}


def documented_type(hint: Any) -> str:
    """The word that the reference page has for a type."""
    (kind,) = _kinds(hint) - {type(None)}
    if kind is list:
        return "list of strings"
    return _WORDS.get(kind, "object")


def reader_faults(
    reader: type, records: Iterable[type[Record]], passed_over: Iterable[str] = ()
) -> list[str]:
    """Say which fields a reader lacks, has although nobody writes them, or reads as another type.

    Args:
        reader: A struct with the fields that are read.
        records: What is written.
        passed_over: Fields that the reader ignores on purpose.
    """
    read, passed_over = _hints(reader), set(passed_over)
    written: dict[str, set[type]] = {}
    for record in records:
        for name, hint in _hints(record).items():
            written.setdefault(name, set()).update(_written_kinds(record, name, hint))
    faults = [f"{name} is not known" for name in written.keys() - read.keys() - passed_over]
    faults += [f"{name} is not written" for name in (read.keys() | passed_over) - written.keys()]
    faults += [f"{name} is read and passed over" for name in read.keys() & passed_over]
    faults += [
        f"{name} is read as {read[name]}, written as {kind.__name__}"
        for name in read.keys() & written.keys()
        for kind in written[name]
        if not _WIDER.get(kind, {kind}) & _kinds(read[name])
    ]
    return sorted(faults)


def _written_kinds(record: type[Record], name: str, hint: Any) -> set[type]:
    """What a field can be in the file: None is left out where it is the default."""
    fields = zip(
        reversed(record.__struct_fields__), reversed(record.__struct_defaults__), strict=False
    )
    defaults = dict(fields)
    left_out = {type(None)} if name in defaults and defaults[name] is None else set()
    return _kinds(hint) - left_out


def _kinds(hint: Any) -> set[type]:
    hint = without_annotations(hint)
    if get_origin(hint) in (Union, types.UnionType):
        return set().union(*map(_kinds, get_args(hint)))
    origin = get_origin(hint) or hint
    if origin in (list, tuple, Sequence):
        return {list}
    return {dict} if origin in (dict, Mapping) else {origin}


def _hints(kind: type) -> dict[str, Any]:
    return get_type_hints(kind, include_extras=True)


def all_records() -> list[type[Record]]:
    """What is written into all logs."""
    return [event.record for event in LOG_EVENTS.values()]
