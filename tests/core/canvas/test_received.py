"""How many items and bytes an answer brings."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from canvas_sync_core.canvas.received import Received, count_items, measure_content
from canvas_sync_core.canvas.responses import ResponseFacts

_PATH = "/api/v1/courses"
_JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=20,
)


@given(_JSON, st.sampled_from(["", " ", "\n\t"]), st.booleans(), st.booleans())
def test_a_list_has_as_many_items_as_a_parser_finds(
    value: Any, margin: str, ascii_only: bool, with_mark: bool
) -> None:
    text = margin + json.dumps(value, ensure_ascii=ascii_only)
    body = text.encode("utf-8-sig" if with_mark else "utf-8", "surrogatepass")
    expected = len(value) if isinstance(value, list) else None
    assert count_items(body) == expected


@given(st.binary(max_size=60))
def test_content_that_is_not_json_has_no_items(content: bytes) -> None:
    for body in (content, b"[" + content, b"{" + content):
        found = count_items(body, is_page=True)
        assert found is None or found >= 0


@pytest.mark.parametrize(
    "body", [b"", b"[", b"[1,", b"[1] x", b"[" * 100_000, b"\x89PNG", b"id,name"]
)
def test_broken_or_other_content_has_no_items(body: bytes) -> None:
    assert count_items(body) is None


@pytest.mark.parametrize(
    ("wrapper", "path", "items"),
    [
        ({"enrollment_terms": [{}, {}]}, "/api/v1/accounts/1/terms", 2),
        ({"enrollment_terms": []}, "/api/v1/accounts/1/terms", 0),
        (
            {"quizzes": [{}], "quiz_submissions": [{}, {}, {}], "meta": {"count": 9}},
            "/api/v1/courses/1/quizzes/2/submissions",
            3,
        ),
        ({"a": [1], "b": [2]}, "/api/v1/something/else", None),
        ({"id": 7}, _PATH, None),
    ],
)
def test_a_page_in_an_object_counts_by_the_list_in_it(
    wrapper: dict[str, Any], path: str, items: int | None
) -> None:
    body = json.dumps(wrapper).encode()
    assert count_items(body, path, is_page=True) == items
    assert count_items(body, path, is_page=False) is None


_FACTS = ResponseFacts(content_length=500)


@pytest.mark.parametrize(
    ("method", "status", "facts", "body", "expected"),
    [
        ("GET", 200, _FACTS, b"[1, 2]", Received(2, 6, 6)),
        (
            "GET",
            200,
            ResponseFacts(content_length=5, is_compressed=True),
            b"[1]",
            Received(1, 3, 5),
        ),
        ("GET", 200, ResponseFacts(is_compressed=True), b"[1]", Received(1, 3, None)),
        ("GET", 200, _FACTS, None, Received(None, 500, 500)),
        ("GET", 200, ResponseFacts(), None, Received(None, None, None)),
        ("GET", 403, _FACTS, b"[1, 2]", Received(None, 6, 6)),
        ("HEAD", 200, _FACTS, b"", Received(None, 0, 0)),
        ("GET", 304, _FACTS, None, Received(None, 0, 0)),
        ("DELETE", 204, ResponseFacts(), None, Received(None, 0, 0)),
    ],
)
def test_bytes_are_those_of_the_content_or_else_of_its_header(
    method: str, status: int, facts: ResponseFacts, body: bytes | None, expected: Received
) -> None:
    assert measure_content(method, _PATH, status, facts, body) == expected
