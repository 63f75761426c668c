"""Names of GraphQL operations and errors in answers, out of what clients send and get."""

from __future__ import annotations

import json

import pytest

from canvas_sync_core.canvas.graphql import error_count, is_graphql_path, operation_name


@pytest.mark.parametrize(
    ("query", "name"),
    [
        ("query Courses { allCourses { _id } }", "Courses"),
        ("mutation Hide($id: ID!) { hideAssignmentGrades(input: {}) { x } }", "Hide"),
        ("{ allCourses { _id } }", None),
        ("query { allCourses { _id } }", None),
        ("query ($id: ID!) { course(id: $id) { name } }", None),
        ("# query Comment\nquery Real { x }", "Real"),
        ('query Real { x(note: "} query Text {") }', "Real"),
        ('query Real { x(note: """ } query "Block" { """) }', "Real"),
        ("fragment F on Course { query subscription Inner } query Real { ...F }", "Real"),
        ("query A { x } query B { y }", None),
        ("", None),
    ],
)
def test_the_operation_is_named_by_its_query(query: str, name: str | None) -> None:
    assert operation_name(json.dumps({"query": query})) == name


@pytest.mark.parametrize(
    ("body", "name"),
    [
        (b'{"operationName": "B", "query": "query A { x } query B { y }"}', "B"),
        ({"operationName": None, "query": "query A { x }"}, "A"),
        ({"query": "query A { x }", "variables": {"id": 1}}, "A"),
        ("query=query+A+%7B+x+%7D&operationName=", "A"),
        (b"query=query+A+%7B+x+%7D", "A"),
        ({"operationName": "Jane Doe"}, None),
        ({"operationName": "a" * 101}, None),
        ({"operationName": 7}, None),
        (b"\xff\xfe", None),
        (b'{"query": "query A { x }"' + b" " * 300_000 + b"}", None),
        ("{", None),
        ("[]", None),
        (None, None),
        (iter([b"{}"]), None),
    ],
)
def test_a_name_is_taken_from_whatever_a_client_sends(body: object, name: str | None) -> None:
    assert operation_name(body) == name


@pytest.mark.parametrize(
    ("body", "count"),
    [
        (b'{"data": null, "errors": [{"message": "x"}, {}]}', 2),
        ('{"errors": [{"message": "x"}]}', 1),
        (b'{"data": {"errors": [1, 2]}}', 0),
        (b'{"data": {"text": "\\"errors\\""}}', 0),
        (b'{"data": {}, "errors": []}', 0),
        (b'{"data": {}, "errors": null}', 0),
        (b'{"data": {"x": 1}, "errors": {"message": "Timed out"}}', 1),
        (b'{"errors": "Timed out"}', 1),
        (b'{"errors": true}', 1),
        (b'{"errors": {}}', 0),
        (b'{"errors": ""}', 0),
        (b'{"errors": false}', 0),
        (b'[{"data": {}}, {"errors": [{"message": "x"}]}, {"errors": "y"}]', 2),
        (' [{"data": {}, "errors": []}, {"errors": null}]', 0),
        (b'[1, "errors"]', 0),
        (b'{"errors": [', 0),
        (b'\xef\xbb\xbf{"errors": [{"message": "x"}]}', 1),
        ('\ufeff[{"errors": "y"}]', 1),
        (b"", 0),
        (None, 0),
    ],
)
def test_the_errors_of_an_answer_are_counted(body: bytes | str | None, count: int) -> None:
    assert error_count(body) == count


@pytest.mark.parametrize(
    ("path", "is_graphql"),
    [("/api/graphql", True), ("/api/graphql/", True), ("/api/graphql2", False), ("/x", False)],
)
def test_the_path_of_the_graphql_api_is_known(path: str, is_graphql: bool) -> None:
    assert is_graphql_path(path) is is_graphql
