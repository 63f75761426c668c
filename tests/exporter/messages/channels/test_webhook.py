"""Messages as signed JSON, received by a real server."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from dataclasses import replace
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from canvas_sync_core.errors import SettingsError
from canvas_sync_exporter.config_file.audience import Audience
from canvas_sync_exporter.config_file.channels import WebhookSettings
from canvas_sync_exporter.messages.channel import DeliveryError, OutgoingMessage
from canvas_sync_exporter.messages.channels.webhook import WebhookChannel
from canvas_sync_exporter.messages.content import Content
from support.markdown import DOCS, blocks
from support.message_contents import DAILY, INCIDENT, message, with_error
from support.message_server import Received, http_answer, receiving

PAGE = DOCS / "reference" / "webhook.md"
SECRET = "T0Secret4711"


class FixedClock:
    def time(self) -> float:
        return 1_796_000_000.9

    def monotonic(self) -> float:
        return 0.0


def _channel(url: str, secret: str | None = SECRET) -> WebhookChannel:
    settings = WebhookSettings(name="webhook", audience=Audience(), url=url, secret=secret)
    return WebhookChannel(settings, clock=FixedClock())


def _sent(outgoing: OutgoingMessage, secret: str | None = SECRET) -> Received:
    with receiving() as receiver:
        _channel(f"{receiver.url}/hook", secret).send(outgoing)
        return receiver.requests.get()


def _document(content: Content) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(_sent(message(content)).body)
    return document


@pytest.mark.parametrize(
    "content",
    [INCIDENT, DAILY, with_error("x" * 3_000_000, rows=1000), with_error("\ud800\u202e\0")],
)
def test_each_message_has_the_documented_form(content: Content) -> None:
    schema = json.loads(blocks(PAGE, "json")[-1])
    Draft202012Validator.check_schema(schema)
    Draft202012Validator(schema).validate(_document(content))


def test_the_documented_example_has_the_documented_form() -> None:
    example, schema = map(json.loads, blocks(PAGE, "json"))
    Draft202012Validator(schema).validate(example)


def test_all_figures_arrive() -> None:
    document = _document(DAILY)
    assert document["title"] == DAILY.title
    assert document["status"] == "warning"
    table = document["sections"][0]["table"]
    assert DAILY.sections[0].table is not None
    assert table["rows"] == [list(row) for row in DAILY.sections[0].table.rows]
    assert table["numeric"] == [1, 2, 3, 4, 5]
    assert (table["shares"], table["omitted"]) == ([0.5, 1.0, 1.0], 0)


def test_a_receiver_can_verify_who_sent_it_and_when() -> None:
    request = _sent(message())
    identifier = request.headers["webhook-id"]
    assert request.headers["webhook-timestamp"] == "1796000000"
    signed = f"{identifier}.1796000000.".encode() + request.body
    digest = base64.b64encode(hmac.new(SECRET.encode(), signed, hashlib.sha256).digest())
    assert request.headers["webhook-signature"] == f"v1,{digest.decode()}"
    assert request.headers["content-type"] == "application/json"
    assert SECRET not in str(request)


@pytest.mark.parametrize("secret", [SECRET, "whsec_AGtleQ=="])
def test_the_documented_check_accepts_only_the_signed_message(secret: str) -> None:
    names: dict[str, Any] = {}
    exec(blocks(PAGE, "python")[0], names)
    is_genuine = names["is_genuine"]
    request = _sent(message(), secret)
    headers = {name.title(): value for name, value in request.headers.items()}
    assert is_genuine(headers, request.body, secret)
    assert not is_genuine(headers, request.body + b" ", secret)
    assert not is_genuine({**headers, "Webhook-Timestamp": "1"}, request.body, secret)


def test_a_secret_of_standard_webhooks_is_base64() -> None:
    request = _sent(message(), "whsec_" + base64.b64encode(b"\0key").decode())
    signed = f"{request.headers['webhook-id']}.1796000000.".encode() + request.body
    digest = base64.b64encode(hmac.new(b"\0key", signed, hashlib.sha256).digest())
    assert request.headers["webhook-signature"] == f"v1,{digest.decode()}"


def test_a_secret_that_is_not_base64_is_reported_without_it() -> None:
    with pytest.raises(SettingsError, match=r"messages\.webhook\.secret") as caught:
        _channel("http://127.0.0.1/", f"whsec_{SECRET}!")
    assert SECRET not in str(caught.value)


def test_without_a_secret_there_is_no_signature() -> None:
    assert "webhook-signature" not in _sent(message(), secret=None).headers


def test_each_attempt_has_the_same_idempotency_key_and_other_messages_have_others() -> None:
    first, second = _sent(message()), _sent(message())
    other = _sent(message(key="incident:41:resolved\r\nX: é"))
    keys = [each.headers["idempotency-key"] for each in (first, second, other)]
    assert keys[0] == keys[1] != keys[2]
    assert keys[0] == first.headers["webhook-id"] == json.loads(first.body)["id"]


def test_later_messages_name_the_first_one_of_their_subject() -> None:
    with receiving() as receiver:
        channel = _channel(receiver.url)
        thread = channel.send(message())
        channel.send(replace(message(key="b"), thread=thread))
        first, second = (json.loads(receiver.requests.get().body) for _ in range(2))
    assert (first["thread"], second["thread"]) == (None, first["id"])


def test_a_message_that_may_have_arrived_before_is_marked() -> None:
    document = json.loads(_sent(replace(message(), may_be_repeated=True)).body)
    assert document["may_be_repeated"] is True
    assert document["footer"].startswith("You may have received this message before")


def test_a_thousand_rows_arrive_and_3_mb_are_cut_with_a_mark() -> None:
    document = _document(with_error("long " * 600_000, rows=1000))
    section = document["sections"][0]
    assert len(section["table"]["rows"]) + section["table"]["omitted"] == 1000
    assert section["paragraphs"][0].endswith("… (cut, 3,000,000 characters)")
    assert len(json.dumps(document)) <= 1024 * 1024


def test_a_receiver_that_is_busy_says_when_to_come_back() -> None:
    with receiving() as receiver:
        receiver.answers(http_answer(429, Retry_After="7"))
        with pytest.raises(DeliveryError) as caught:
            _channel(f"{receiver.url}/{SECRET}").send(message())
    assert (caught.value.is_permanent, caught.value.retry_after) == (False, 7)
    assert SECRET not in str(caught.value)
