"""What the judge knows of a run is what its row says."""

from __future__ import annotations

from typing import get_type_hints

from canvas_sync_core.schema.run_fields import RUN_FIELDS
from canvas_sync_exporter.judge.runs import EndedRun
from support.run_schema import row_types

_MADE = {"id", "items", "duration", "suspect_reason", "status", "start", "end"}
"""They have a name or a type of their own."""


def test_an_ended_run_has_the_facts_of_the_table_with_their_types() -> None:
    facts = {name: hint for name, hint in get_type_hints(EndedRun).items() if name not in _MADE}
    columns = row_types(RUN_FIELDS)
    assert facts == {name: columns.get(name) for name in facts}
