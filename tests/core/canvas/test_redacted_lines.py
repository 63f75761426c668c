"""A program's output loses its secrets and values, but none of its other lines."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from canvas_sync_core.canvas.redaction import redact_lines

ERROR = """\
Traceback (most recent call last):
  File "nightly_sync.py", line 3, in main
sqlalchemy.exc.IntegrityError: duplicate key
DETAIL:  Key (email)=(jane@example.edu) already exists.
[SQL: INSERT INTO users (name) VALUES (%(name)s)]
[parameters: {'name': 'Jane Doe'}]
(Background on this error at: https://sqlalche.me/e/20/gkpj)
"""


def test_lines_after_a_statement_stay() -> None:
    lines = redact_lines(ERROR.splitlines())
    assert lines[:3] == ERROR.splitlines()[:3]
    assert lines[3:6] == ["…"] * 3
    assert lines[6].startswith("(Background")


@pytest.mark.parametrize(
    "statement",
    [
        "SELECT *\nFROM users\nWHERE name = 'Jane Doe'\n  AND login LIKE 'Jane Doe%'",
        "INSERT INTO users (name)\nVALUES\n  ('Jane Doe'),\n  ('Jane Doe')",
        "UPDATE users\nSET name = 'Jane Doe'",
        "Authorization: Basic\n SmFuZSBEb2U6SmFuZSBEb2U=",
        "password: 'Jane Doe'",
    ],
)
def test_values_on_several_lines_are_removed(statement: str) -> None:
    lines = redact_lines(["before", *statement.split("\n"), "12 courses synced"])
    assert "Jane" not in "\n".join(lines)
    assert "SmFu" not in "\n".join(lines)
    assert (lines[0], lines[-1]) == ("before", "12 courses synced")


@pytest.mark.parametrize(
    "text",
    [
        "Set up finished: 12 courses",
        "Where to look: /var/log",
        "[2026-03-02 02:30:00] INFO Courses: 12, 2, 10",
        "Update of course 7 done",
    ],
)
def test_ordinary_lines_stay(text: str) -> None:
    assert redact_lines([text, "next"]) == [text, "next"]


@given(st.lists(st.text(alphabet=st.characters(exclude_characters="\n"), max_size=40)))
def test_no_control_character_stays(lines: list[str]) -> None:
    redacted = redact_lines(lines)
    assert len(redacted) <= len(lines)
    assert all(line.isprintable() or not line.isascii() for line in redacted)


def test_a_long_line_is_cut() -> None:
    assert redact_lines(["word " * 100], limit=20) == ["word word word word…"]
