"""Access tokens are known by a short hash."""

from __future__ import annotations

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from canvas_sync_core.canvas.tokens import TokenNames, token_hash, token_in

TOKEN = "7~AbCdEfGhIjKlMnOpQrStUvWxYz0123456789"
HASH = hashlib.sha256(TOKEN.encode()).hexdigest()[:8]


@pytest.mark.parametrize(
    ("authorization", "query"),
    [
        (f"Bearer {TOKEN}", ""),
        (f"bearer  {TOKEN} ", "page=2"),
        (f"Bearer {TOKEN}".encode(), ""),
        (None, f"access_token={TOKEN}"),
        (None, f"per_page=100&access_token={TOKEN}&page=2"),
        ("Basic dTpw", f"access_token={TOKEN}"),
        (f"Bearer {TOKEN}", "access_token=another"),
    ],
)
def test_a_token_is_found_in_the_header_or_the_url(
    authorization: str | bytes | None, query: str
) -> None:
    assert token_in(authorization, query) == HASH


@pytest.mark.parametrize(
    ("authorization", "query"),
    [(None, ""), ("", ""), ("Basic dTpw", ""), ("Bearer", ""), (None, "no_access_token=1")],
)
def test_a_request_without_a_token_has_none(authorization: str | None, query: str) -> None:
    assert token_in(authorization, query) is None


def test_a_token_has_a_quota_of_its_own_on_each_host() -> None:
    names = TokenNames()
    assert names.name_at("canvas.test", HASH) == HASH
    assert names.name_at("beta.canvas.test", HASH) == f"{HASH}@beta.canvas.test"
    assert names.name_at("canvas.test", HASH) == HASH
    assert names.name_at("beta.canvas.test", "other") == "other"


def test_the_hosts_of_many_tokens_take_little_memory() -> None:
    names = TokenNames()
    for number in range(2000):
        names.name_at("a.test", str(number))
    assert names.name_at("b.test", "7") == "7@b.test"
    assert names.name_at("b.test", "1999") == "1999"


@given(st.text(min_size=8))
def test_a_hash_is_short_and_reveals_nothing_about_the_token(token: str) -> None:
    digits = token_hash(token)

    assert len(digits) == 8
    assert digits == token_hash(token)
    assert set(digits) <= set("0123456789abcdef")
