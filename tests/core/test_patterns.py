"""Regular expressions that are compiled late."""

from __future__ import annotations

import re

import pytest

from canvas_sync_core.patterns import late_pattern


def test_it_matches_as_a_compiled_pattern_does() -> None:
    pattern = late_pattern("[a-z]+", re.IGNORECASE)
    assert pattern.sub("?", "ab1CD") == "?1?"
    assert [found[0] for found in pattern.finditer("ab1CD")] == ["ab", "CD"]


def test_it_may_match_bytes() -> None:
    assert late_pattern(rb"\d").sub(b"?", b"a1") == b"a?"


def test_it_is_compiled_on_first_use() -> None:
    pattern = late_pattern("(")
    with pytest.raises(re.error):
        pattern.search("text")
