"""Records of database operations."""

from __future__ import annotations

from support.logged_events import Sinks, operation


def test_an_operation_that_is_summed_up_has_no_line_of_its_own(sinks: Sinks) -> None:
    assert sinks.written(operation(is_summed=True), "json") == {}
