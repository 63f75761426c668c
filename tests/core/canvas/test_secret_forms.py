"""Secrets are masked by their form, however they are written; forms as others list them too."""

from __future__ import annotations

import base64
import re
import time
import warnings
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

import pytest
from detect_secrets.core.plugins.util import get_mapping_from_secret_type_to_class
from detect_secrets.plugins.base import RegexBasedDetector
from hypothesis import example, given, settings
from hypothesis import strategies as st

from canvas_sync_core.canvas.redaction import redact

_NO_SECRETS = {"Public IP (ipv4)"}
_TOO_SHORT = {"AP[\\dABCDEF]"}
"""Forms of which a plain word in capitals is an example."""


def listed_forms() -> dict[str, re.Pattern[str]]:
    """The expressions of detect-secrets, by the name of the rule."""
    plugins: Mapping[str, Any] = get_mapping_from_secret_type_to_class()
    return {
        f"{name} {number}": form
        for name, plugin in plugins.items()
        if issubclass(plugin, RegexBasedDetector) and name not in _NO_SECRETS
        for number, form in enumerate(plugin.denylist)
        if not any(part in form.pattern for part in _TOO_SHORT)
    }


FORMS = listed_forms()


def _longest_run(text: str) -> str | None:
    return max(re.findall(r"[A-Za-z0-9]{16,}", text), key=len, default=None)


@pytest.mark.parametrize("form", list(FORMS.values()), ids=list(FORMS))
@settings(max_examples=10, deadline=None)
@given(data=st.data())
def test_what_detect_secrets_knows_is_masked(form: re.Pattern[str], data: st.DataObject) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)  # sets inside of sets
        ascii_form = re.compile(form.pattern, (form.flags & ~re.UNICODE) | re.ASCII)
    secret = data.draw(st.from_regex(ascii_form))
    if "PRIVATE KEY" in form.pattern or "PuTTY" in form.pattern:
        secret += "MIIEvgIBADANBgkqhkiG9w0BAQEFAASC"
    found = ascii_form.search(secret)
    assert found is not None
    text = secret[found.start() :] if "BEGIN" in secret or "PuTTY" in secret else found[0]
    without_hosts = re.sub(r"//.+/(?=:_authToken)|@[\w-]+\.cloudant", "", text, flags=re.IGNORECASE)
    groups = " ".join(filter(None, found.groups()))  # the secret, or a part of it
    value = _longest_run(groups) or _longest_run(without_hosts)
    if value is None:  # shorter than any that is issued
        return
    assert value not in redact(f"refused: {text} again", limit=10_000)


ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
PIECES = st.text(ALPHABET, min_size=32, max_size=64).filter(
    lambda text: any(c.isdigit() for c in text) and any(c.isupper() for c in text)
)

CARRIERS = {
    "canvas token": "7~{}",
    "bearer": "Authorization: Bearer {}",
    "bearer alone": "Bearer {}",
    "jwt": "eyJhbGciOiJIUzI1NiJ9.{}.c2lnbmF0dXJl",
    "cookie": "Cookie: _csrf_token={}; canvas_session=x",
    "set-cookie": "Set-Cookie: canvas_session={}; path=/; secure",
    "cookie jar": "<Cookie canvas_session={} for canvas.test/>",
    "headers of requests": "{{'User-Agent': 'x', 'Cookie': 'a={}'}}",
    "headers of bytes": "[(b'authorization', b'Bearer {}')]",
    "pwd": "pwd={}",
    "private key": "private_key={}",
    "amazon": "https://s3.test/x?X-Amz-Signature={}",
    "amazon alone": "X-Amz-Signature={}",
    "azure": "sig={}",
    "session": "session={}",
    "json": '{{"password": "{}"}}',
    "escaped json": '{{\\"client_secret\\": \\"{}\\"}}',
    "xml": "<password>{}</password>",
    "tuple": "[('token', '{}')]",
    "option": "--password {}",
    "words": "API key: {}",
    "database": "postgresql://sync:{}@db/app",
    "database with slash": "postgresql://sync:x/{}@db/app",
    "database with question mark": "postgresql://sync:{}?y@db/app",
    "second url": "https://canvas.test/a,amqp://sync:{}@mq/",
    "query": "https://canvas.test/a?name={}",
    "query that begins with &": "https://canvas.test/a?&name={}",
    "login": "sis_login_id:{}",
    "form field": "user[password]={}",
    "form list": "access_token[]={}",
    "item": "row['api_key'] = '{}'",
    "pair of values": "auth=('sync', '{}')",
    "object": '{{"session": {{"user": 7, "id": "{}"}}}}',
    "list of headers": "headers: {{'X-Api-Key': ['a', '{}']}}",
    "record of a header": '{{"name": "X-Api-Key", "value": "{}"}}',
    "field of a page": '<input name="authenticity_token" value="{}">',
    "file of Canvas": "https://canvas.test/files/7/download;verifier={}",
    "feed of Canvas": "https://canvas.test/feeds/calendars/user_{}.ics",
    "webhook": "https://discord.com/api/webhooks/7/{}",
    "code of an app": "mfa_code={}",
}


@pytest.mark.parametrize("carrier", list(CARRIERS.values()), ids=list(CARRIERS))
@settings(max_examples=15, deadline=None)
@given(secret=PIECES, times=st.integers(0, 3))
def test_a_secret_never_stays_however_often_it_is_percent_encoded(
    carrier: str, secret: str, times: int
) -> None:
    text = carrier.format(secret)
    for _ in range(times):
        text = quote(text, safe="")
    assert secret not in redact(f"failed: {text} (again)")


@pytest.mark.parametrize(
    "carrier", ["7~{}", "Bearer {}", "token={}", "eyJhbGciOiJIUzI1NiJ9.{}", "Cookie: a={}"]
)
@pytest.mark.parametrize("line_end", ["\n", "\r\n", "\n  ", "\\n", "%0A"])
@settings(max_examples=15, deadline=None)
@given(secret=PIECES, cut=st.integers(1, 26))
def test_a_secret_that_a_line_end_breaks_in_two_never_stays(
    carrier: str, line_end: str, secret: str, cut: int
) -> None:
    first, rest = secret[:cut], secret[cut:]
    shown = redact(carrier.format(first + line_end + rest))
    assert rest[:12] not in shown
    assert len(first) < 6 or first not in shown


@settings(max_examples=30, deadline=None)
@given(st.text(ALPHABET, min_size=3, max_size=20), st.text(ALPHABET, min_size=8, max_size=40))
@example("information", "aaaaaaaa")
def test_credentials_of_basic_never_stay(user: str, password: str) -> None:
    encoded = base64.b64encode(f"{user}:{password}".encode()).decode()
    assert encoded not in redact(f"Basic {encoded} was refused")
    assert encoded.rstrip("=") not in redact(f"basic {encoded.rstrip('=')}")


@pytest.mark.parametrize(
    "address",
    [
        "ada.smith@school.edu",
        "ada%40school.edu",
        "ada%2540school.edu",
        "ada%252540school.edu",
        "ada@192.168.0.17",
        "ada@[192.168.0.17]",
        "ada@[IPv6:2001:db8::1]",
        '"ada smith"@school.edu',
        "ada&#64;school.edu",
        "ada\\u0040school.edu",
        "ada\\x40school.edu",
        "ada\uff20school.edu",
        "zo\xeb@sch\xf6ol.edu",
        "Ada Smith <ada@school.edu>",
        '"Smith, Ada" <ada@school.edu>',
    ],
)
def test_an_address_never_stays_in_any_spelling(address: str) -> None:
    shown = redact(f"mail to {address} was refused")
    assert shown.startswith("mail to [removed]")
    assert shown.endswith(" was refused")
    assert "smith" not in shown.lower()
    assert "192" not in shown


@pytest.mark.parametrize(
    "text",
    [
        'near "Brien": syntax error',
        'syntax error at or near "Brien"',
        'column "Ada Brien" does not exist',
        "insert into users (name) values ('Sinead O'Brien')",
        "INSERT OR REPLACE INTO users VALUES (7, 'Sinead O'Brien')",
        "update users set name = 'Sinead O'Brien' where id = 7",
        "DELETE FROM users WHERE name = 'O'Brien'",
        "select id from users where name = 'O'Brien'",
        "Duplicate entry 'O'Brien' for key 'name'",
        "KeyError: 'O'Brien'",
    ],
)
def test_a_statement_or_a_drivers_message_within_a_text_loses_its_values(text: str) -> None:
    assert "Brien" not in redact(text)


@pytest.mark.parametrize(
    "text",
    [
        "Basic information of course 7 is missing",
        "code 7: 100%25 done &amp; saved",
        "passed: 7, failed: 3",
        "session 3 of 12",
        "author: 7",
        "select courses from term 5",
        "C:\\new\\x41",
        "1~123 and 10000000000042",
        "GET https://canvas.test/api/v1/courses/7 at 12:30:45",
        "time 2025-12-22T10:15:30Z, id 0af7651916cd43dd8448eb211c80319c",
        "primary key: assignment_override_due_dates",
        "InvalidTokenError: course 7 is closed; AssertionError: count of course 8",
    ],
)
def test_text_that_is_not_a_secret_is_kept(text: str) -> None:
    assert redact(text) == text


@pytest.mark.parametrize(
    "unit",
    [
        *(
            "a",
            "0",
            " ",
            "\n",
            "\t",
            "\\",
            "'",
            '"',
            "'a' ",
            "a=",
            "a.",
            "-a",
            "--a ",
            "=>",
            "%20",
            "%",
        ),
        *(
            "://",
            "a://b@",
            "?",
            "&",
            "@",
            "A@",
            '"a@',
            "Aa Bb ",
            "<Cookie ",
            "cookie:\n",
            "token=\n",
        ),
        *(
            "7~",
            "~\n",
            "eyJ",
            "eyJa.",
            "basic ",
            "bearer ",
            "BEGIN PRIVATE KEY",
            "AKIA",
            "gl",
            "SK",
        ),
        *("select from ", "insert into x values", "update a set ", 'near "x" ', "KeyError: '"),
        *("/api/v1/", "sis_a_id:", "&#64;", "%40", "%2540", "\\u0040", "[SQL: ", "{", "api "),
    ],
)
def test_a_megabyte_costs_no_more_than_a_few_kilobytes(unit: str) -> None:
    redact(unit)
    start = time.process_time()
    assert len(redact(unit * (1_000_000 // len(unit)))) <= 500
    assert time.process_time() - start < 0.1


def test_a_secret_that_only_the_words_before_it_give_away_is_masked_before_they_are_cut() -> None:
    secret = "0" * 39 + "a"
    assert secret not in redact(f"aws?pw\"{secret}'")


@pytest.mark.parametrize("times", range(5))
def test_an_address_never_stays_when_it_is_percent_encoded(times: int) -> None:
    assert redact(f"by ada%{'25' * times}40example.edu") == "by [removed]"
