"""Lines that others wrote differently become lines of ours."""

from __future__ import annotations

import pytest

from canvas_sync_exporter.logs.spellings import in_our_spelling


@pytest.mark.parametrize(
    ("theirs", "ours"),
    [
        ("GET /api/v1/courses | Status: 200", "GET /api/v1/courses - Status: 200"),
        ("GET /api/v1/courses;status=200", "GET /api/v1/courses - Status: 200"),
        ("Sync Task\u00a0=\u00a0abc \u2014 done", "Sync Task: abc - done"),
        ("a -- b", "a - b"),
        ("a--b", "a--b"),
        ("Count = 12,340", "Count: 12340"),
        ("12'340 rows, 1_000_000 more", "12340 rows, 1000000 more"),
        ("1,2,3 and 1.234,567", "1,2,3 and 1.234,567"),
        ("Duration=1m 5s", "Duration: 65000ms"),
        ("took 1.5 hours", "took 5400000ms"),
        ("took 250 µs", "took 0.25ms"),
        ("took 3 microseconds", "took 0.003ms"),
        ("took 2 days, 1 min", "took 172860000ms"),
        ("/courses/5s/x", "/courses/5s/x"),
    ],
)
def test_a_line_is_rewritten_as_we_would_have_written_it(theirs: str, ours: str) -> None:
    assert in_our_spelling(theirs) == ours


def test_a_rewritten_line_is_not_changed_again() -> None:
    once = in_our_spelling("PUT /x | Status=500 ; Duration=1h 1m")
    assert in_our_spelling(once) == once


def test_a_very_long_line_is_left_alone() -> None:
    line = "a | b " * 400
    assert in_our_spelling(line) == line
