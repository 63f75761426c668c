"""Names whose values must not be recorded."""

from __future__ import annotations

import pytest

from canvas_sync_core.canvas.secret_names import (
    is_count,
    is_personal_name,
    is_personal_with_equals,
    is_secret_name,
    is_secret_with_equals,
)

_SECRETS = """
assertion auth creds otp pass pin pw sess session sid sig
token secret passwd passphrase passcode pwd api_key private_key access_key account_key signing_key
encryption_key security_key shared_key shared_access credential signature authorization cookie
session_id session_key bearer jwt csrf xsrf verifier sessid hmac pswd passkey saml_response
pairing_code verification_code confirmation_code mfa_code master_key license_key ssh_key
"""
_COUNTED = """
age attempts cookies count credentials days expires index keys left length limit minutes number
passwords remaining seconds secrets sessions signatures size tokens total ttl version
"""


@pytest.mark.parametrize(
    "name",
    [
        "access_token",
        "X-Amz-Signature",
        "sig",
        "db_pass",
        "dbPass",
        "PRIVATE_KEY",
        "api%20key",
        "Set-Cookie",
        "TOKEN",
    ],
)
def test_a_name_with_a_word_for_a_secret_names_one(name: str) -> None:
    assert is_secret_name(name)


@pytest.mark.parametrize("word", _SECRETS.split())
def test_each_word_for_a_secret_counts_in_any_spelling(word: str) -> None:
    for name in (word, f"my_{word}", f"My-{word.title()}"):
        assert is_secret_name(name), name


@pytest.mark.parametrize("name", ["pass_rate", "InvalidTokenError", "token_warning", "id", "", "-"])
def test_other_names_and_those_of_exceptions_do_not_name_a_secret(name: str) -> None:
    assert not is_secret_name(name)
    assert not is_secret_with_equals(name)


def test_a_code_is_a_secret_only_before_an_equals_sign() -> None:
    assert (is_secret_name("code"), is_secret_with_equals("Code")) == (False, True)
    assert is_secret_with_equals("token")


@pytest.mark.parametrize(
    ("name", "is_personal", "is_with_equals"),
    [
        ("sortable_name", True, True),
        ("sis-user-id", True, True),
        ("name", True, False),
        ("comments", True, False),
        ("course", False, False),
    ],
)
def test_the_names_that_canvas_uses_for_personal_data_are_known(
    name: str, is_personal: bool, is_with_equals: bool
) -> None:
    assert is_personal_name(name) is is_personal
    assert is_personal_with_equals(name) is is_with_equals


@pytest.mark.parametrize("word", _COUNTED.split())
def test_a_number_is_not_a_secret_after_any_word_for_a_count(word: str) -> None:
    assert is_count(f"token_{word}", "7")


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("max_tokens", "4096", True),
        ("token_age", "123456", True),
        ("token_age", "1234567", False),
        ("token_age", "12x", False),
        ("token", "4096", False),
        ("code", "-1", True),
        ("code", "12345", True),
        ("code", "123456", False),
        ("", "1", False),
    ],
)
def test_only_a_short_number_after_the_name_of_a_count_is_not_a_secret(
    name: str, value: str, expected: bool
) -> None:
    assert is_count(name, value) is expected
