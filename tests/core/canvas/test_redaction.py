"""No secret and no personal datum survives redaction, and no control character forges a line."""

from __future__ import annotations

import base64
import re
import string
from collections.abc import Callable
from urllib.parse import quote

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from canvas_sync_core.canvas.redaction import redact

ALPHANUMERIC = string.ascii_letters + string.digits
AROUND = st.text(max_size=60)
# `from_regex` takes four times as long as these, and as all of the redaction.
SECRETS = st.text(ALPHANUMERIC, min_size=20, max_size=64)
TOKENS = st.builds(
    "{}~{}".format,
    st.text(string.digits, min_size=1, max_size=5),
    st.text(ALPHANUMERIC, min_size=16, max_size=64),
)
EMAILS = st.from_regex(r"[a-z][a-z0-9.+_-]{2,20}@[a-z]{3,10}\.(edu|org)", fullmatch=True)


@given(AROUND, TOKENS, AROUND)
def test_a_canvas_token_never_stays(before: str, token: str, after: str) -> None:
    assert token not in redact(before + token + after)


@settings(max_examples=20)
@given(AROUND, SECRETS, AROUND)
@pytest.mark.parametrize(
    "carrier",
    [
        "Authorization: Bearer {}",
        "Authorization: Basic {}",
        "{{'Authorization': 'Bearer {}'}}",
        "bearer {}",
        "access_token={}",
        "&refresh_token={}&x=1",
        "'client_secret': '{}'",
        '"access_token": "{}"',
        "token={}",
        "canvas-api-key: {}",
        "https://c.test/login/oauth2/token?code={}",
        "https://user:{}@c.test/",
        "postgresql+psycopg://sync:{}@db/app",
        "/api/v1/courses?search_term={}",
        "/api/v1/users/sis_login_id:{}/profile",
        "[SQL: SELECT '{}']",
        "[parameters: ({{'name': '{}'}},)]",
        "DETAIL:  Key (name)=({}) already exists.",
    ],
)
def test_a_value_never_stays_where_secrets_and_data_stand(
    carrier: str, before: str, secret: str, after: str
) -> None:
    assume(secret not in before + after)
    assert secret not in redact(f"{before} {carrier.format(secret)}{after}")


@given(AROUND, EMAILS, AROUND)
def test_an_email_address_never_stays(before: str, email: str, after: str) -> None:
    assert email not in redact(before + email + after)


@given(st.text(st.characters(), max_size=2000), st.integers(1, 600))
def test_the_result_is_one_visible_line_within_the_limit(text: str, limit: int) -> None:
    result = redact(text, limit)
    assert len(result) <= limit
    assert not re.search("[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]", result)
    result.encode("utf-8")


@given(st.sampled_from(["a", " ", "://", "%", "'", "?", "/api/v1/", "bearer ", "code=", "@"]))
def test_long_text_is_cut_before_it_costs_time(unit: str) -> None:
    assert len(redact(unit * 100_000)) <= 500


def test_a_secret_is_not_cut_in_two_at_the_end_of_long_text() -> None:
    token = "7~" + "a" * 40
    text = "[SQL: " + "x " * 4070 + token + " ]"
    assert "7~" not in redact(text.removeprefix("[SQL: "), limit=10_000)


@pytest.mark.parametrize(
    "text",
    [
        "Invalid token {}",
        "ACCESS_TOKEN {} was refused",
        "access_token -> {}",
        'Content-Disposition: form-data; name="password"\r\n\r\n{}\r\n--x',
        'form-data; name="user[token]"\nContent-Type: text/plain\n\n{}',
        r"form-data; name=\"secret\"\r\n\r\n{}\r\n--x",
    ],
)
def test_a_secret_after_its_name_is_removed_even_without_a_sign_between_them(text: str) -> None:
    secret = "S3CRETq9Zt7LmX2kVb8"
    assert secret not in redact(text.format(secret))


@pytest.mark.parametrize(
    "text",
    [
        "The duplicate key value is ({}).",
        "row with column values (NAME:{}, ID:7) already exists",
        "Student(login_id={}, grade={})",
        "<Submission id=7 score={}>",
    ],
)
def test_data_without_quotation_marks_never_stays_in_errors_either(text: str) -> None:
    assert "Ada" not in redact(text.replace("{}", "Ada"), is_of_exception=True)
    assert "Ada" not in redact(text.replace("{}", "Ada"))


@pytest.mark.parametrize(
    "text",
    [
        "Truncated value: '{}'.",
        "[type=int_parsing, input_value='{}', input_type=str]",
        "On instance:\n    '{}'",
    ],
)
def test_the_values_that_validators_quote_never_stay_in_the_output_of_a_program(text: str) -> None:
    assert "Ada" not in redact(text.format("Ada"))


@pytest.mark.parametrize(
    "text",
    [
        "Connection timeout",
        "name=courses",
        "token expired in course 7",
        "primary key CourseSectionId",
        "course 7: assignment 9 has no due date",
        "UNIQUE constraint failed: users.email",
        "GET /api/v1/courses/7/assignments failed",
        "status_code=404",
    ],
)
def test_harmless_text_stays_as_it_is(text: str) -> None:
    assert redact(text) == text


def test_long_text_is_cut_between_words_with_a_mark() -> None:
    assert redact("://word " * 2000, limit=10_000) == "://word " * 1024 + "…"


@pytest.mark.parametrize(
    ("quote", "sign"),
    [('"', ":"), ("&quot;", ":"), ("&#34;", "&#58;"), ("&#x22;", "&#x3A;"), ("%22", "%3A")],
)
def test_a_secret_is_found_behind_every_spelling_of_its_marks(quote: str, sign: str) -> None:
    masked = redact(f"{quote}password{quote}{sign}{quote}Hunter2{quote}")
    assert masked == '"password":[removed]'
    assert "ada" not in redact("by ada&commat;example.edu")
    assert redact("password&equals;Hunter2") == "password=[removed]"
    assert redact("?a=1&amp;token&#61;Hunter2 x") == redact("?a=1&token=Hunter2 x")


def test_line_breaks_and_escapes_become_visible() -> None:
    assert redact("a\r\nb\x1b[31m\u2028") == "a\\r\\nb\\x1b[31m\\u2028"


def test_an_identifier_in_an_api_path_takes_nothing_else_of_the_path_with_it() -> None:
    text = "404 for https://c.test/api/v1/users/sis_login_id:ada/profile?x=1"
    assert redact(text) == "404 for https://c.test/api/v1/users/:user_id/profile"


@settings(max_examples=20)
@given(AROUND, SECRETS)
@pytest.mark.parametrize(
    "carrier",
    [
        "password is {}",
        "the new password is '{}'.",
        'The passphrase was "{} and more"',
        "api key is {}",
        "curl -u sync:{} https://canvas.test",
        "curl -usync:{} https://canvas.test",
        "curl --user 'sync:{}' https://canvas.test",
        "curl --proxy-user=sync:{} https://canvas.test",
        "Command '['curl', '-u', 'sync:{}', 'https://canvas.test']' returned status 22.",
        "http -a sync:{} canvas.test",
        "sshpass -p {} ssh host",
        "docker login -u sync -p {} registry.test",
        "mysql -u root -p{} app",
        "redis-cli -h cache -a {} ping",
        "machine canvas.test login sync password {}",
        "machine canvas.test\n  login sync\n  password {}\n",
        "machine canvas.test password {} login sync",
        "default login sync password {}",
        "db.test:5432:app:sync:{}",
        "*:*:*:sync:{}",
        "sync:$2b$12${}",
        "pbkdf2_sha256$600000${}$hash",
        "code={}",
    ],
)
def test_a_secret_never_stays_in_sentences_commands_and_lines_of_key_files(
    carrier: str, before: str, secret: str
) -> None:
    assume(secret not in before)
    text = carrier.format(secret)
    assert secret not in redact(f"{before} {text}")
    assert secret not in redact(quote(f"{before} {text}".encode("utf-8", "replace"), safe=""))


@settings(max_examples=20)
@given(SECRETS)
@pytest.mark.parametrize("encode", [base64.b64encode, base64.urlsafe_b64encode, base64.encodebytes])
@pytest.mark.parametrize(
    "header", ["Authorization: Bearer {}", "Cookie: canvas_session={}; a=b", "X-Api-Key: {}\r\n"]
)
@pytest.mark.parametrize("around", ["{}", "sent {} to the server", "header={}", '"{}"'])
def test_a_header_in_base64_never_stays(
    encode: Callable[[bytes], bytes], header: str, around: str, secret: str
) -> None:
    encoded = encode(header.format(secret).encode()).decode()
    left = redact(around.format(encoded))
    assert all(line.rstrip("=") not in left for line in encoded.split())


@pytest.mark.parametrize(
    "text",
    [
        "the token is expired",
        "password is wrong.",
        "Your password is too-short",
        "token is 5 days old",
        "unexpected token is ')'",
        "exit code=3",
        "code=-11",
        "tokens: 5 left",
        "max_tokens=4096",
        "token_count: 12",
        "password_attempts=3",
        "cookies: 3",
        "docker run -p 8080:80 -u 1000:1000 canvas",
        "mkdir -p data && cp -a data backup && sort -u data",
        "psql -U sync -p 5432",
        "curl -u sync https://canvas.test",
        "default login page",
        "10:15:30: course 17",
        "course:1200 is closed: see page 3",
        "trace 4b2f00e9c3d84a76b1e2aa90c1d2e3f4 of span 00f067aa0ba902b7",
        "canvas_sync_instrumentation.integrations.requests failed",
    ],
)
def test_sentences_that_merely_mention_secrets_are_left_as_they_are(text: str) -> None:
    assert redact(text) == text


@pytest.mark.parametrize("unit", ["machine a login b ", "docker -p ", "password is ", "QUFB" * 5])
def test_the_time_to_mask_phrases_depends_only_on_the_length(unit: str) -> None:
    assert len(redact(unit * 10_000)) <= 500
