"""Canvas's own words about an error are kept, and what it quotes is not."""

from __future__ import annotations

import json
from typing import Any

import pytest

from canvas_sync_core.canvas.messages import message_in, message_of_body, plain_words


@pytest.mark.parametrize(
    ("text", "cleaned"),
    [
        ("Invalid access token.", "Invalid access token."),
        ("Ada Smith is already taken", "[removed] is already taken"),
        ("85 is not a valid grade", "[removed] is not a valid grade"),
        ("the Ada B. C. 'course'", "the [removed] 'course'"),
        ("Ada Smith", None),
        ("", None),
    ],
)
def test_words_outside_the_vocabulary_are_removed(text: str, cleaned: str | None) -> None:
    assert plain_words(text) == cleaned


@pytest.mark.parametrize(
    ("document", "message"),
    [
        ({"errors": [{"message": "invalid id"}]}, "invalid id"),
        (
            {"errors": {"name": [{"message": "is too long"}, {"message": "is taken"}]}},
            "is too long; is taken",
        ),
        ({"errors": {"name": ["is blank", "is invalid"]}}, "is blank; is invalid"),
        ({"errors": "not found", "message": "server error"}, "server error"),
        ({"error": "invalid_grant", "error_description": "token expired"}, "token expired"),
        ({"error": "invalid_grant"}, "invalid_grant"),
        ({"errors": [{"message": "invalid"}, {"message": "invalid"}]}, "invalid"),
        ({"errors": [{"message": "Ada"}, {"message": "not found"}]}, "not found"),
        ({"errors": [{"message": word} for word in ("a", "b", "is", "not", "valid")]}, "a; is"),
        ({"name": {"message": "not found"}}, None),
        ({"message": 7}, None),
        ("not found", None),
        (["not found"], None),
        ([{"message": "not found"}], "not found"),
        (None, None),
    ],
)
def test_the_first_messages_of_any_form_of_answer_are_found(
    document: Any, message: str | None
) -> None:
    assert message_in(document) == message
    assert message_of_body(f" {json.dumps(document)}") == message


def test_messages_that_are_too_deep_are_not_looked_for() -> None:
    def nested(depth: int) -> Any:
        return (
            {"errors": [{"message": "invalid"}]} if not depth else {"errors": [nested(depth - 1)]}
        )

    assert message_in(nested(2)) == "invalid"
    assert message_in(nested(3)) is None


@pytest.mark.parametrize("body", ["", "not found", "{", '{"message": ', "[" * 100_000, '"invalid"'])
def test_a_body_that_is_not_a_document_has_no_message(body: str) -> None:
    assert message_of_body(body) is None
