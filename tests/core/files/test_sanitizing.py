"""Text that could forge a line, or change its writing direction, becomes visible."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from canvas_sync_core.files.sanitizing import escape_controls, escape_json_controls


@pytest.mark.parametrize(
    ("text", "safe"),
    [
        ("plain ünïcode 試", "plain ünïcode 試"),
        ("two\r\nlines\tand a tab", "two\\r\\nlines\\tand a tab"),
        ("\x1b[31mred", "\\x1b[31mred"),
        ("\x7f\x85", "\\x7f\\x85"),
        ("a\u2028b\u202ec\u2066", "a\\u2028b\\u202ec\\u2066"),
        ("\udcff", "\\udcff"),
        ("no-break\u00a0space", "no-break\u00a0space"),
    ],
)
def test_controls_become_visible_and_other_text_stays(text: str, safe: str) -> None:
    assert escape_controls(text) == safe


@given(st.text(st.characters(codec=None)))
def test_nothing_unsafe_is_left_of_any_text(text: str) -> None:
    safe = escape_controls(text)
    safe.encode()
    assert len(safe.splitlines()) <= 1
    assert escape_controls(safe) == safe


@given(st.text())
def test_a_json_document_keeps_its_meaning(text: str) -> None:
    document = escape_json_controls(json.dumps(text, ensure_ascii=False))
    assert json.loads(document) == text
    assert escape_controls(document) == document
