"""Which runs a pause covers, and what may stand in its reason."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from canvas_sync_exporter.schedules.pause import MAX_REASON, Pause, clean_reason

START = datetime(2026, 12, 19, tzinfo=UTC)
END = datetime(2027, 1, 7, tzinfo=UTC)


def pause(*sync_types: str) -> Pause:
    return Pause(frozenset(sync_types), START, END, "winter break")


def test_a_pause_begins_at_its_start_and_is_over_at_its_end() -> None:
    times = [START - timedelta(seconds=1), START, END - timedelta(seconds=1), END]
    assert [pause("full").covers("full", each) for each in times] == [False, True, True, False]


def test_a_pause_without_sync_types_covers_all() -> None:
    assert pause().covers("anything", START)
    assert not pause("full", "grades").covers("incremental", START)


def test_a_reason_is_one_line_without_control_characters() -> None:
    assert clean_reason("  Canvas\n is \x1b[31mdown ") == "Canvas is \\x1b[31mdown"


@pytest.mark.parametrize(
    ("text", "message"),
    [(" \n ", "say why you pause"), ("x" * (MAX_REASON + 1), f"at most {MAX_REASON} characters")],
)
def test_a_blank_or_long_reason_is_refused(text: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        clean_reason(text)


def test_a_reason_of_the_greatest_length_is_accepted() -> None:
    assert clean_reason("x" * MAX_REASON) == "x" * MAX_REASON
