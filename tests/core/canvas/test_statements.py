"""The values of SQL do not stay in a text; what kind of statement it was does."""

from __future__ import annotations

import pytest

from canvas_sync_core.canvas.quoted_values import MASK
from canvas_sync_core.canvas.statements import (
    lines_without_statements,
    without_driver_values,
    without_statements,
)


@pytest.mark.parametrize(
    ("text", "cut"),
    [
        ("insert into users (name) values ('Ada')", "insert into users …"),
        ("INSERT OR IGNORE INTO users VALUES ('Ada')", "INSERT OR IGNORE INTO users …"),
        ("failed: update users set name = 'Ada'", "failed: update users set …"),
        ("delete from users where name = 'Ada'", "delete from users …"),
        ("select a from users where name = 'Ada'", "select a from users where …"),
        ("select a from users having name = 'Ada'", "select a from users having …"),
        ("select a from users", "select a from users"),
        ("where did it go from here? select one", "where did it go from here? select one"),
        ("failed [SQL: SELECT 1]", "failed "),
        ("failed [parameters: ('Ada',)]", "failed "),
        ("failed\nDETAIL: Key (name)=(Ada)", "failed\n"),
        (
            "we insert into the list and delete from it",
            "we insert into the list and delete from it",
        ),
    ],
)
def test_a_statement_ends_before_its_values(text: str, cut: str) -> None:
    assert without_statements(text) == cut


def test_the_output_after_a_statement_stays() -> None:
    lines = [
        "INSERT INTO users",
        "  (name)",
        "VALUES ('Ada'),",
        "('Grace')",
        "3 courses were read",
        "failed [SQL: SELECT 1]",
        "  and more",
        "[SQL: SELECT 1]",
    ]
    assert lines_without_statements(lines) == [
        "INSERT INTO users",
        "  (name)",
        "VALUES …",
        "3 courses were read",
        "failed ",
        "  and more",
        "…",
    ]


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        ("Duplicate entry 'Ada' for key", f"Duplicate entry {MASK} for key"),
        ("KeyError: 'Ada'", f"KeyError: {MASK}"),
        ("could not convert string to float: 'Ada'", f"could not convert string to float: {MASK}"),
        ("column values (Ada, (b)) are wrong) end", f"column values {MASK} end"),
        ("column values (Ada", f"column values {MASK}"),
        ("KeyError: 'a' and KeyError: 'b'", f"KeyError: {MASK} and KeyError: {MASK}"),
        ('column "due_at" is missing', 'column "due_at" is missing'),
    ],
)
def test_values_that_drivers_quote_are_masked(text: str, masked: str) -> None:
    assert without_driver_values(text) == masked


def test_only_rows_are_masked_where_quoted_values_are_masked_already() -> None:
    text = "Duplicate entry 'x' and column values (Ada)"
    masked = f"Duplicate entry 'x' and column values {MASK}"
    assert without_driver_values(text, only_rows=True) == masked
