"""Patterns."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from canvas_sync_core.names import Log
from canvas_sync_exporter.logs.search import LineFilter, compile_pattern
from support.log_folders import json_line, lay_out, record
from support.log_search import found_in


@pytest.mark.parametrize("pattern", ["(", "a{1001}", "(?<=a)b", "\\1", "x" * 1001, "\ud800"])
def test_a_pattern_that_cannot_be_used_is_refused(pattern: str) -> None:
    with pytest.raises(ValueError, match="regular expression"):
        compile_pattern(pattern)


def test_no_pattern_hangs(tmp_path: Path) -> None:
    """Python's own engine would take longer than the universe has."""
    long = record(Log.ERRORS, 1, error="a" * 200_000 + "!")
    lay_out(tmp_path, Log.ERRORS, [[json_line(long)]], 0)
    start = time.process_time()
    assert found_in(tmp_path, LineFilter(pattern=compile_pattern("(a|a)*(a+)+$"))) == []
    assert time.process_time() - start < 60
