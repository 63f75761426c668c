"""What a search asks of a line is what lines have."""

from __future__ import annotations

from canvas_sync_core.names import Log
from canvas_sync_core.schema.log_records import fields_of
from canvas_sync_exporter.logs.search.filters import SearchRecord
from support.log_schema import all_records, reader_faults


def test_each_field_that_is_asked_for_is_written_and_of_its_type() -> None:
    """What is not asked for is found by its text, and given with the line."""
    not_asked = {name for log in Log for name in fields_of(log)} - {*SearchRecord.__struct_fields__}
    assert reader_faults(SearchRecord, all_records(), not_asked) == []


def test_a_field_that_no_line_has_is_noticed() -> None:
    class Wider(SearchRecord, gc=False):
        team: str | None = None

    not_asked = {name for log in Log for name in fields_of(log)} - {*Wider.__struct_fields__}
    assert reader_faults(Wider, all_records(), not_asked) == ["team is not written"]
