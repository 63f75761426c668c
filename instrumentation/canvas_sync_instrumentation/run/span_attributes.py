"""Attributes of a run's span, as the schema of run fields declares them."""

from __future__ import annotations

from typing import Any, Final

from canvas_sync_core.events import RunContext, RunSnapshot
from canvas_sync_core.schema.run_fields import RUN_FIELDS

__all__ = ["end_attributes", "start_attributes"]

_IN_CONTEXT: Final = frozenset(RunContext.__struct_fields__)
_ON_SPAN: Final = [field for field in RUN_FIELDS if field.span and field.is_direct]
_AT_START: Final = [field for field in _ON_SPAN if field.source in _IN_CONTEXT]
_AT_END: Final = [field for field in _ON_SPAN if field.source not in _IN_CONTEXT]


def start_attributes(context: RunContext) -> dict[str, Any]:
    """Return the attributes that are known when the run starts, without missing values."""
    attributes = {field.span: getattr(context, field.source) for field in _AT_START}
    return {name: value for name, value in attributes.items() if value is not None}


def end_attributes(snapshot: RunSnapshot) -> dict[str, Any]:
    """Return the attributes that are known when the run ends, except for its error."""
    return {field.span: getattr(snapshot, field.source) for field in _AT_END}
