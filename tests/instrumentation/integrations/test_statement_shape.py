"""The shape of a statement: readable, and without a single value."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from canvas_sync_instrumentation.integrations._statement_shape import statement_shape


@pytest.mark.parametrize(
    ("statement", "shape"),
    [
        (
            "SELECT courses.id, courses.name\nFROM courses\nWHERE courses.id = 7 AND name='Ada'",
            "SELECT courses.id, courses.name FROM courses WHERE courses.id = ? AND name = ?",
        ),
        (
            "INSERT INTO grades (id, score) VALUES (?, ?)",
            "INSERT INTO grades(id, score) VALUES(?, ...)",
        ),
        ("INSERT INTO g (a) VALUES (%(a)s), (%(b)s)", "INSERT INTO g(a) VALUES(?, ...), ..."),
        (
            "UPDATE u SET a=:a, b=$1 WHERE c IN (1, 2, 3)",
            "UPDATE u SET a = ?, b = ? WHERE c IN(?, ...)",
        ),
        ("SELECT a::text FROM b -- Ada\n", "SELECT a::text FROM b"),
        ("select E'it\\'s Ada' from b", "select ? from b"),
        ("select $x$it's Ada$x$, 1 from b", "select ?, ... from b"),
        ("select q'[it's Ada]', nq'!it's Ada!', 1 from b", "select ?, ... from b"),
        ("select 'Ada", "select ?"),
    ],
)
def test_values_become_question_marks(statement: str, shape: str) -> None:
    assert statement_shape(statement, quotes_are_names=True) == shape


def test_double_quotes_hold_names_or_text_by_the_product() -> None:
    statement = """SELECT "name" FROM `users` WHERE name = 'it\\'s Ada'"""
    assert (
        statement_shape(statement, quotes_are_names=False) == "SELECT ? FROM `users` WHERE name = ?"
    )
    assert statement_shape('SELECT "a" FROM b', quotes_are_names=True) == 'SELECT "a" FROM b'


def test_a_wide_statement_is_cut() -> None:
    shape = statement_shape(
        f"SELECT {', '.join(f'c{n}' for n in range(999))}", quotes_are_names=True
    )
    assert len(shape) == 500


@given(value=st.text(min_size=1), number=st.floats(allow_nan=False), rest=st.text())
def test_no_literal_is_left(value: str, number: float, rest: str) -> None:
    secret = f"Zq{value}Zq"
    quoted = secret.replace("'", "''")
    statement = f"INSERT INTO t (a, b) VALUES ('{quoted}', {abs(number)!r}) /* {rest} */"
    assert "Zq" not in statement_shape(statement, quotes_are_names=True)
