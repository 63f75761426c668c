"""The verb and the table of a statement, without a grammar of SQL."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from canvas_sync_core.names import OTHER
from canvas_sync_instrumentation.integrations._statements import OTHER_OPERATION, parse_statement


@pytest.mark.parametrize(
    ("statement", "expected"),
    [
        ("SELECT 1", ("SELECT", OTHER)),
        ("SELECT id, name FROM courses WHERE id = ?", ("SELECT", "courses")),
        ("select c.id from lms.courses as c join users u on 1=1", ("SELECT", "courses")),
        ('SELECT "c"."id" FROM "My Schema"."Course Table" AS "c"', ("SELECT", "Course Table")),
        ("SELECT * FROM `lms`.`courses`", ("SELECT", "courses")),
        ("SELECT * FROM [dbo].[courses]", ("SELECT", "courses")),
        ('SELECT * FROM "a""b"', ("SELECT", 'a"b')),
        ("-- nightly\n/* FROM nowhere */ SELECT * FROM courses", ("SELECT", "courses")),
        ("SELECT ' FROM nowhere', 'it''s' FROM courses", ("SELECT", "courses")),
        ("SELECT EXTRACT(YEAR FROM due_at) FROM assignments", ("SELECT", "assignments")),
        ("SELECT (SELECT max(id) FROM users) FROM courses", ("SELECT", "courses")),
        ("SELECT count(*) FROM (SELECT id FROM grades) AS anon_1", ("SELECT", "grades")),
        ("SELECT * FROM (courses JOIN users ON 1=1)", ("SELECT", "courses")),
        ("(SELECT id FROM courses) UNION (SELECT id FROM users)", ("SELECT", "courses")),
        ("SELECT * FROM generate_series(1, 3)", ("SELECT", OTHER)),
        ("SELECT * FROM ONLY courses", ("SELECT", "courses")),
        ("WITH c AS (SELECT id FROM courses) SELECT * FROM c", ("SELECT", "courses")),
        ("WITH c AS (SELECT 1) SELECT * FROM c JOIN users", ("SELECT", OTHER)),
        ("WITH c AS (SELECT id FROM courses) DELETE FROM grades", ("DELETE", "grades")),
        (
            "WITH RECURSIVE a(n) AS (SELECT 1), b AS (SELECT * FROM users) INSERT INTO t SELECT n",
            ("INSERT", "t"),
        ),
        ("INSERT INTO courses (id, name) VALUES (?, ?)", ("INSERT", "courses")),
        ("INSERT INTO courses(id) SELECT id FROM old", ("INSERT", "courses")),
        ("INSERT OR REPLACE INTO main.courses VALUES (1)", ("INSERT", "courses")),
        ("REPLACE INTO courses VALUES (1)", ("REPLACE", "courses")),
        ("MERGE INTO courses USING x ON 1=1", ("MERGE", "courses")),
        ("UPDATE courses SET name=? WHERE id IN (SELECT id FROM old)", ("UPDATE", "courses")),
        ("UPDATE OR IGNORE courses SET name=?", ("UPDATE", "courses")),
        ("DELETE FROM courses WHERE id < 3", ("DELETE", "courses")),
        ("CREATE TABLE IF NOT EXISTS courses (id INTEGER)", ("CREATE", "courses")),
        ("CREATE UNIQUE INDEX ix ON courses (id)", ("CREATE", "courses")),
        ("ALTER TABLE ONLY courses ADD COLUMN x INTEGER", ("ALTER", "courses")),
        ("DROP TABLE IF EXISTS courses", ("DROP", "courses")),
        ("TRUNCATE TABLE courses", ("TRUNCATE", "courses")),
        ("COPY courses (id) FROM STDIN", ("COPY", "courses")),
        ("COMMIT", ("COMMIT", OTHER)),
        ("# nightly\nINSERT INTO courses VALUES (1)", ("INSERT", "courses")),
        (";WITH c AS (SELECT 1) INSERT INTO courses SELECT 1", ("INSERT", "courses")),
        ("SET NOCOUNT ON; INSERT INTO courses VALUES (1)", ("INSERT", "courses")),
        ("BEGIN; SET LOCAL x = 1; UPDATE courses SET a = 1; COMMIT", ("UPDATE", "courses")),
        ("CREATE TABLE a (b int); INSERT INTO c VALUES (1)", ("CREATE", "a")),
        (";", (OTHER_OPERATION, OTHER)),
        ("SELECT id FROM lms..courses", ("SELECT", "courses")),
        ("DELETE courses WHERE id IN (SELECT id FROM old)", ("DELETE", "courses")),
        ("WITH c AS (SELECT id FROM courses) DELETE c", ("DELETE", "courses")),
        ("WITH c AS (UPDATE courses SET a=1 RETURNING 1) SELECT * FROM c", ("UPDATE", "courses")),
        ("WITH c AS (DELETE FROM old RETURNING 1) SELECT count(*) FROM c", ("DELETE", "old")),
        ("WITH c AS (SELECT 1 FROM courses FOR UPDATE) SELECT * FROM c", ("SELECT", "courses")),
        ('PRAGMA main.table_info("courses")', ("PRAGMA", OTHER)),
        ("SELECT * FROM", ("SELECT", OTHER)),
        ("INSERT INTO", ("INSERT", OTHER)),
        ("WITH", (OTHER_OPERATION, OTHER)),
        ("frobnicate the courses", (OTHER_OPERATION, OTHER)),
        ("", (OTHER_OPERATION, OTHER)),
        ("((((", (OTHER_OPERATION, OTHER)),
        (
            f"SELECT {', '.join(f'courses.c{n}' for n in range(500))} FROM courses",
            ("SELECT", "courses"),
        ),
        (f"INSERT INTO courses VALUES {'(?, ?), ' * 100_000}", ("INSERT", "courses")),
        (f"SELECT * FROM {'x' * 200}", ("SELECT", OTHER)),
    ],
    ids=lambda value: value[:40] if isinstance(value, str) else "",
)
def test_the_verb_and_the_first_table_are_reported(
    statement: str, expected: tuple[str, str]
) -> None:
    assert parse_statement(statement)[:2] == expected


PLAIN = st.from_regex(r"[a-z][a-z0-9_]{0,20}_t", fullmatch=True)
QUOTED = st.text(
    st.characters(exclude_characters='"`]\x00', codec="utf-8"), min_size=1, max_size=30
)
SPACE = st.sampled_from([" ", "\n", "\t ", " /* FROM x */ ", " -- INTO x\n"])
SHAPES = (
    ("SELECT", "SELECT id{s}FROM{s}{t}{s}WHERE id = 1"),
    ("SELECT", "select{s}*{s}from{s}{t}"),
    ("INSERT", "INSERT{s}INTO{s}{t} (id) VALUES (1)"),
    ("UPDATE", "Update{s}{t}{s}SET a = 'FROM b'"),
    ("DELETE", "DELETE{s}FROM{s}{t}"),
)


@given(
    shape=st.sampled_from(SHAPES),
    space=SPACE,
    schema=st.sampled_from(["", "lms.", '"my schema".', "`a`.`b`."]),
    name=st.one_of(
        PLAIN.map(lambda name: (name, name)),
        QUOTED.flatmap(
            lambda name: st.sampled_from(
                [(f'"{name}"', name), (f"`{name}`", name), (f"[{name}]", name)]
            )
        ),
    ),
)
def test_quotes_schemas_comments_and_case_do_not_hide_the_table(
    shape: tuple[str, str], space: str, schema: str, name: tuple[str, str]
) -> None:
    verb, template = shape
    written, meant = name
    statement = template.replace("{s}", space).replace("{t}", schema + written)
    assert parse_statement(statement)[:2] == (verb, meant)


@given(
    st.one_of(
        st.text(),
        st.lists(
            st.sampled_from(
                [
                    *"()'\"`[].,;",
                    "--",
                    "/*",
                    "*/",
                    "\n",
                    "WITH",
                    "SELECT",
                    "FROM",
                    "INSERT",
                    "INTO",
                    "UPDATE",
                    "CREATE",
                    "ON",
                    "t",
                    "AS",
                ]
            )
        ).map(" ".join),
    )
)
@example("'" * 9_000)
@example("/*" * 4_000)
@example("SELECT FROM " * 600)
def test_any_text_gives_a_known_verb_and_a_short_table(statement: str) -> None:
    verb, table = parse_statement(statement)[:2]
    assert verb.isupper()
    assert verb.isascii()
    assert 0 < len(table) <= 128
