"""An error keeps the words that its code contains; other values are masked."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable

import pytest
import sqlalchemy as sa

from support.described_errors import of_error

REQUIRED_COLUMNS = ("id", "due_at")


USER_NAMES = (chr(97) + "da", chr(98) + "ob")


def check(row: dict[str, object], wanted: tuple[str, ...] = REQUIRED_COLUMNS) -> None:
    for column in (*wanted, *REQUIRED_COLUMNS[:0], *USER_NAMES[:0]):
        if column not in row:
            raise ValueError(f"column '{column}' is missing in course {row.get('course', 17)}")


def test_a_key_that_the_code_names_is_reported() -> None:
    row: dict[str, object] = {}
    assert of_error(lambda: row["grader_id"]) == "'grader_id'"


def test_a_quoted_constant_of_the_code_is_reported_with_its_sentence() -> None:
    def check_one(row: dict[str, object]) -> None:
        if "due_at" not in row:
            raise LookupError(f"column 'due_at' is missing in course {17}")

    assert of_error(lambda: check_one({})) == "column 'due_at' is missing in course 17"


def test_a_constant_of_the_module_that_the_code_uses_is_reported() -> None:
    message = of_error(lambda: check({"id": 1}))
    assert message == "column 'due_at' is missing in course 17"


COLUMN_OF_FIELD = {"grader": {"column": "grader_user_id"}}


class Reader:
    wanted = ("workflow_state",)

    def of_default(self, row: dict[str, object], column: str = "late_policy_status") -> object:
        return row[column]

    def of_attribute(self, row: dict[str, object]) -> list[object]:
        return [row[column] for column in self.wanted]

    def of_mapping(self, row: dict[str, object]) -> object:
        return row[COLUMN_OF_FIELD["grader"]["column"]]


@pytest.mark.parametrize(
    ("read", "key"),
    [
        (Reader().of_default, "late_policy" + "_status"),
        (Reader().of_attribute, "workflow" + "_state"),
        (Reader().of_mapping, "grader_user" + "_id"),
    ],
)
def test_a_key_that_is_elsewhere_in_the_file_is_reported(
    read: Callable[[dict[str, object]], object], key: str
) -> None:
    assert of_error(lambda: read({})) == f"'{key}'"


def test_a_sentence_in_place_of_a_key_is_reported_without_its_values() -> None:
    def fail(course: int, name: str) -> None:
        raise KeyError(f"no grade in course {course} for '{name}'")

    assert of_error(lambda: fail(17, "Ada" + chr(32) + "Smith")) == "no grade in course 17 for '?'"


def test_what_a_variable_of_the_module_was_filled_with_is_masked() -> None:
    message = of_error(lambda: check({}, USER_NAMES))
    assert message == "column '?' is missing in course 17"


def test_a_column_that_a_statement_in_the_code_names_is_reported() -> None:
    connection = sqlite3.connect(":memory:")
    connection.execute("CREATE TABLE courses (id INTEGER)")
    message = of_error(lambda: connection.execute("SELECT due_at FROM courses"))
    assert message == "no such column: due_at"
    name = "".join(["A", "da"])
    message = of_error(lambda: connection.execute(f"SELECT id FROM courses WHERE x = {name}"))
    assert message.startswith("no such column: ")
    connection.close()


def test_a_value_that_a_statement_in_the_code_quotes_is_masked() -> None:
    connection = sqlite3.connect(":memory:")
    connection.execute("CREATE TABLE users (name TEXT)")
    insert = "insert into users (name) values ('Sinead O'Brien')"
    message = of_error(
        lambda: connection.execute("insert into users (name) values ('Sinead O'Brien')")
    )
    assert message == "near '?': syntax error"
    assert of_error(lambda: connection.execute(insert)) == message
    connection.close()


def test_a_name_that_the_code_spells_inside_a_sentence_is_masked() -> None:
    def fail() -> None:
        raise ValueError("no grade for 'Ada Smith' in course 17")

    assert of_error(fail) == "no grade for '?' in course 17"


def test_a_column_that_a_mapped_table_lacks_is_reported() -> None:
    engine = sa.create_engine("sqlite://")
    courses = sa.table("courses", sa.column("id"), sa.column(chr(100) + "ue"))
    with engine.begin() as connection:
        connection.execute(sa.text("CREATE TABLE courses (id INTEGER)"))
        message = of_error(lambda: connection.execute(sa.select(courses)))
    engine.dispose()
    assert message == "no such column: courses.due"
