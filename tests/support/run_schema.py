"""The types that have the facts of a run as attributes, compared with their schema."""

from __future__ import annotations

import types
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Annotated, Any, Final, Union, get_args, get_origin, get_type_hints

from canvas_sync_core.events import ErrorInfo, ItemCounts, RunSnapshot
from canvas_sync_core.names import RunStatus
from canvas_sync_core.schema.log_records import COMMON_FIELDS, RunEndedRecord
from canvas_sync_core.schema.run_fields import FieldType, RunField
from canvas_sync_core.store.runs import RunRow, StoredCounts

__all__ = ["row_types", "run_schema_faults", "without_annotations"]

_IN_SNAPSHOT: Final[Mapping[FieldType, Any]] = {
    FieldType.INTEGER: int,
    FieldType.DOUBLE: float,
    FieldType.NAME: str,
    FieldType.TEXT: str,
    FieldType.LINES: tuple[str, ...],
    FieldType.STATUS: RunStatus,
    FieldType.TIME: float,
    FieldType.START: float,
    FieldType.BOOLEAN: bool,
    FieldType.JSON: Mapping[str, Any],
}
_IN_ROW: Final[Mapping[FieldType, Any]] = {
    **_IN_SNAPSHOT,
    FieldType.LINES: list[str],
    FieldType.STATUS: str,
    FieldType.TIME: datetime,
    FieldType.START: datetime,
    FieldType.JSON: dict[str, Any],
}
_IN_LINE: Final[Mapping[FieldType, Any]] = {
    **_IN_SNAPSHOT,
    FieldType.LINES: Sequence[str],
    FieldType.STATUS: str,
}
_NOT_SHOWN: Final = {"redeliverable": bool}
"""It decides how a row is written and is in no output."""


def run_schema_faults(
    fields: Iterable[RunField],
    *,
    snapshot: type = RunSnapshot,
    row: type = RunRow,
    line: type = RunEndedRecord,
) -> list[str]:
    """Say in what a type differs from the schema of run fields.

    Args:
        fields: The schema.
        snapshot: What a sync knows of its run.
        row: What is read from the table, and shown by REST.
        line: What the line that ends a run has.
    """
    fields = list(fields)
    return [
        *_differences("snapshot", _hints(snapshot), _snapshot_types(fields)),
        *_differences("row", _hints(row), row_types(fields)),
        *_differences("line", _own_hints(line), _line_types(fields)),
    ]


def _differences(name: str, has: Mapping[str, Any], needs: Mapping[str, Any]) -> Iterator[str]:
    for field in sorted(has.keys() | needs.keys()):
        if field not in needs:
            yield f"{name}.{field} is not in the schema"
        elif field not in has:
            yield f"{name} lacks {field}"
        elif has[field] != needs[field]:
            yield f"{name}.{field} is {has[field]}, not {needs[field]}"


def _snapshot_types(fields: Iterable[RunField]) -> dict[str, Any]:
    direct = {
        field.source: _nullable(_IN_SNAPSHOT[field.type], field)
        for field in fields
        if field.is_direct
    }
    return {**direct, **_NOT_SHOWN, "error": ErrorInfo | None, "items": Mapping[str, ItemCounts]}


def row_types(fields: Iterable[RunField]) -> dict[str, Any]:
    """The type of each column as it is read, the counts of items together."""
    columns = {
        field.column: _nullable(_IN_ROW[field.type], field)
        for field in fields
        if not field.source.startswith("items.")
    }
    return {**columns, "items": dict[str, StoredCounts]}


def _line_types(fields: Iterable[RunField]) -> dict[str, Any]:
    shown = {
        field.log: _IN_LINE[field.type]
        if field.type is FieldType.LINES  # an empty one is left out
        else _nullable(_IN_LINE[field.type], field)
        for field in fields
        if field.log and field.log not in COMMON_FIELDS
    }
    return {**shown, "items": Mapping[str, ItemCounts]}


def _nullable(kind: Any, field: RunField) -> Any:
    return kind | None if field.is_nullable else kind


def _hints(kind: type) -> dict[str, Any]:
    return {name: without_annotations(hint) for name, hint in get_type_hints(kind).items()}


def _own_hints(kind: type) -> dict[str, Any]:
    return {name: hint for name, hint in _hints(kind).items() if name not in COMMON_FIELDS}


def without_annotations(hint: Any) -> Any:
    """Return a type without what ``Annotated`` adds to it, even within a union."""
    if get_origin(hint) is Annotated:
        return without_annotations(get_args(hint)[0])
    if get_origin(hint) in (Union, types.UnionType):
        return Union[tuple(map(without_annotations, get_args(hint)))]  # noqa: UP007 - of many
    return hint
