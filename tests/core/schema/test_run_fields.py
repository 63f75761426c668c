"""The facts of a run are declared once, and every class that has them agrees with the schema."""

from __future__ import annotations

import dataclasses

import pytest

from canvas_sync_core.events import RunSnapshot
from canvas_sync_core.schema.log_records import RunEndedRecord
from canvas_sync_core.schema.run_fields import RUN_FIELDS, FieldType, RunField
from canvas_sync_core.store.query_results import Totals
from canvas_sync_core.store.rows import to_row
from canvas_sync_core.store.runs import RunRow
from support.run_schema import run_schema_faults
from support.runs import failed, snapshot


def test_snapshot_row_and_last_line_have_the_facts_of_the_schema() -> None:
    assert run_schema_faults(RUN_FIELDS) == []


def test_a_fact_that_only_the_schema_has_is_noticed_in_each_type() -> None:
    extra = RunField(
        column="api_cached",
        type=FieldType.INTEGER,
        doc="Answers from a cache.",
        source="api_cached",
        log="api_cached",
    )
    assert run_schema_faults([*RUN_FIELDS, extra]) == [
        "snapshot lacks api_cached",
        "row lacks api_cached",
        "line lacks api_cached",
    ]


def test_a_fact_that_the_schema_lacks_is_noticed() -> None:
    class Snapshot(RunSnapshot, frozen=True):
        api_cached: int = 0

    class Row(RunRow, frozen=True):
        api_failed: float  # type: ignore[assignment] # is what shall be noticed
        api_cached: int

    class Line(RunEndedRecord, gc=False):
        api_cached: int = 0

    assert run_schema_faults(RUN_FIELDS, snapshot=Snapshot, row=Row, line=Line) == [
        "snapshot.api_cached is not in the schema",
        "row.api_cached is not in the schema",
        "row.api_failed is <class 'float'>, not <class 'int'>",
        "line.api_cached is not in the schema",
    ]


@pytest.mark.parametrize("made", [snapshot("a"), failed("b")])
def test_a_row_has_every_column_that_a_run_itself_knows(made: RunSnapshot) -> None:
    assert set(to_row(made)) == {field.column for field in RUN_FIELDS if field.source}


def test_sums_over_runs_are_those_of_the_schema() -> None:
    summed = {
        field.column
        for field in RUN_FIELDS
        if field.is_summed and not field.source.startswith("items.")
    }
    assert {field.name for field in dataclasses.fields(Totals)} == summed | {"items"}


def test_no_fact_is_declared_twice() -> None:
    for attribute in ("column", "source", "span"):
        names = [name for field in RUN_FIELDS if (name := getattr(field, attribute))]
        assert len(names) == len(set(names)), attribute
