"""Extracts Canvas's error message from the various formats of its responses.

Source: https://canvas.instructure.com/doc/api/file.errors.html and the answers of Canvas itself:
``{"errors": [{"message": ...}]}``, ``{"errors": {"field": [{"message": ...}]}}``,
``{"message": ...}``, and OAuth's ``{"error": ..., "error_description": ...}``.

Canvas quotes data: "Ada Smith is already taken", "85 is not a valid grade". So only words that
belong to the vocabulary of such messages are kept, which excludes names, logins, titles and grades.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Any, Final

from canvas_sync_core.asynchronous import raise_if_asynchronous
from canvas_sync_core.patterns import late_pattern

__all__ = ["message_in", "message_of_body", "plain_words"]

_TEXT_KEYS: Final = ("message", "error_description", "error", "errors")
_MOST_MESSAGES: Final = 3
_DEEPEST: Final = 6

_WORDS: Final = frozenset(
    """
    400 401 403 404 408 409 413 422 429 500 501 502 503 504
    a about again all allowed already also an and any api are as at back be been before between but
    by can can't cannot client could do does doesn't each either encountered error errors exist
    existing exists few first for found from given has have here if in into invalid is isn't it its
    least less limit longer many may maximum minimum missing more most must need needs no non not
    nothing of on one only or other out over permission please problem processing rate reason
    reference remaining request requested requests require required requires same server should
    something support supported than that the there this time to token too try unable unknown until
    up use used using valid value values wait want was were when while with without wrong yet you
    your
    access accepted action active agent archived authenticated authentication authorization
    authorize authorized bad blank challenge change character characters closed code completed
    concluded conflict content count data date deleted denied disabled duplicate empty enabled
    enough exceed exceeded exceeds expired export failed feature field fields file files forbidden
    format formatted future gateway grant greater header html id ids inactive included inclusion
    insufficient internal invalid_client invalid_grant invalid_request invalid_scope job json key
    large later length link list locked log logged long match maintenance media method mismatch
    month name names newer null number numeric object occurred offset old operation page parameter
    parameters parent parse pass password past path pending perform per_page processed progress
    protected published query quota range read received redirect refresh refused removed report
    reserved resource resources response restricted result results retry revoked role scope scopes
    search secret section server_error service session short size small sort specified state status
    string student students support syntax taken teacher temporarily term text throttled timed
    timeout type unauthenticated unauthorized unavailable unconfirmed unexpected unique unpublished
    unprocessable update upload url user user-agent users version went workflow_state x-rate-limit
    x-rate-limit-remaining
    account accounts announcement assignment assignments attachment calendar collaboration
    conversation course courses discussion due enrollment enrollments event events folder grade
    graded grades grading group groups login module modules observer outcome outcomes post pseudonym
    quiz quizzes rubric rubrics sis submission submissions submitted tab topic unlock
    access_token authorization_code client_id client_secret currently expires_in grant_type
    incorrect provide provided redirect_uri refresh_token settings supplied unauthorized_client
    unsupported unsupported_grant_type
    assertion canvas client_assertion client_assertion_type code_challenge code_verifier exp
    following granted iat jwks jws jwt malformed minutes owner signature verification
    """.split()  # noqa: SIM905 - a list of 400 quoted words would fill 400 lines
)
"""The vocabulary of error messages of Canvas and its clients."""

_AROUND: Final = ".,;:!?()[]{}<>'\"`*"
_REMOVED: Final = late_pattern(r"\0(?:\s+\0)*")


def plain_words(text: str) -> str | None:
    """Keep the known words of an error message, and ``[removed]`` for the others.

    Returns:
        None when no word of it is known.
    """
    words = text.split()
    known_words = [word if _bare(word) in _WORDS else "\0" for word in words]
    if all(word == "\0" for word in known_words):
        return None
    return _REMOVED.sub("[removed]", " ".join(known_words))


def _bare(word: str) -> str:
    return word.strip(_AROUND).lower()


def message_of_body(body: str) -> str | None:
    """Return the message inside a JSON body, in plain words; None when there is none."""
    if not body.lstrip().startswith(("{", "[")):
        return None
    try:
        return message_in(json.loads(body))
    except (ValueError, RecursionError) as error:
        raise_if_asynchronous(error)
        return None


def message_in(document: Any) -> str | None:
    """Return the first messages inside a decoded document, in plain words, joined by ``; ``."""
    messages = filter(None, map(plain_words, islice(_messages(document, 0), _MOST_MESSAGES)))
    return "; ".join(dict.fromkeys(messages)) or None


def _messages(node: Any, depth: int) -> Iterator[str]:
    if depth > _DEEPEST:
        return
    if isinstance(node, list):
        for item in node:
            if isinstance(item, str) and depth:
                yield item
            else:
                yield from _messages(item, depth + 1)
    elif isinstance(node, dict):
        text = next((node[key] for key in _TEXT_KEYS if isinstance(node.get(key), str)), None)
        if text:
            yield text
        for inner in () if text else _inside(node, depth):
            yield from _messages(inner, depth + 1)


def _inside(node: dict[str, Any], depth: int) -> Iterable[Any]:
    """Return where to look further; an answer without ``errors`` is data, which is never read."""
    if "errors" in node:
        return (node["errors"],)
    return node.values() if depth else ()
