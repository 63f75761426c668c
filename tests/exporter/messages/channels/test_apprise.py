"""Messages by Apprise, received by a real server."""

from __future__ import annotations

import itertools
import json
import logging
import sys
from dataclasses import replace
from typing import Any

import pytest

from canvas_sync_core.errors import SettingsError
from canvas_sync_exporter.config_file.audience import Audience
from canvas_sync_exporter.config_file.channels import AppriseSettings
from canvas_sync_exporter.messages.channel import DeliveryError
from canvas_sync_exporter.messages.channels.apprise import AppriseChannel
from canvas_sync_exporter.messages.content import Content
from support.message_contents import DAILY, INCIDENT, message, with_error
from support.message_server import Receiver, http_answer, receiving

SECRET = "T0Secret4711"


def _channel(url: str, seconds: float = 60.0) -> AppriseChannel:
    settings = AppriseSettings(name="apprise", audience=Audience(), url=url)
    return AppriseChannel(settings, seconds=seconds)


def _url(receiver: Receiver) -> str:
    return receiver.url.replace("http://", f"json://user:{SECRET}@")


def _received(content: Content, **changes: Any) -> dict[str, Any]:
    with receiving() as receiver:
        _channel(_url(receiver)).send(replace(message(content), **changes))
        document: dict[str, Any] = json.loads(receiver.requests.get().body)
        return document


def test_a_message_arrives_whole() -> None:
    document = _received(INCIDENT)
    assert document["title"] == INCIDENT.title
    assert document["type"] == "failure"
    for section in INCIDENT.sections:
        assert all(each in document["message"] for each in section.paragraphs)
        assert all(f"{each.name}: {each.value}" in document["message"] for each in section.facts)


def test_a_table_arrives() -> None:
    assert "12,804" in _received(DAILY)["message"]


def test_a_message_that_may_have_arrived_before_is_marked() -> None:
    document = _received(INCIDENT, may_be_repeated=True)
    assert "You may have received this message before" in document["message"]


def test_a_service_gets_no_more_than_it_accepts() -> None:
    with receiving() as receiver:
        channel = _channel(receiver.url.replace("http://", "ntfy://") + "/topic?mode=private")
        channel.send(message(with_error("long " * 600_000, rows=1000)))
        document = json.loads(receiver.requests.get().body)
    assert len(document["message"]) <= 7800
    assert "… (cut, 3,000,000 characters)" in document["message"]
    assert "more rows" in document["message"]


@pytest.mark.parametrize("status", [400, 429, 500])
def test_a_failure_gets_another_attempt(
    status: int, capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.DEBUG), receiving() as receiver:
        receiver.answers(http_answer(status, SECRET.encode()))
        with pytest.raises(DeliveryError) as caught:
            _channel(_url(receiver)).send(message())
    assert not caught.value.is_permanent
    assert SECRET not in str(caught.value) + caplog.text + "".join(capfd.readouterr())


def test_a_redirect_is_not_followed_because_the_url_has_secrets() -> None:
    with receiving() as elsewhere, receiving() as receiver:
        receiver.answers(http_answer(307, Location=elsewhere.url))
        with pytest.raises(DeliveryError):
            _channel(_url(receiver)).send(message(INCIDENT))
        assert elsewhere.requests.empty()


def test_a_server_that_answers_in_drips_is_abandoned_when_the_time_is_up() -> None:
    with receiving() as receiver:
        head = b"HTTP/1.1 200 OK\r\nContent-Length: 40\r\n\r\n"
        receiver.answer = lambda _: itertools.chain([head], itertools.repeat(b"x", 40))
        receiver.pause = 0.05
        with pytest.raises(DeliveryError, match="not deliver it in time") as caught:
            _channel(_url(receiver), seconds=0.2).send(message())
    assert not caught.value.is_permanent


def test_a_plugin_that_fails_gets_another_attempt(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object, **__: object) -> bool:
        raise RuntimeError(SECRET)

    channel = _channel("json://127.0.0.1/")
    monkeypatch.setattr("apprise.Apprise.notify", fail)
    with pytest.raises(DeliveryError, match="Apprise failed with RuntimeError") as caught:
        channel.send(message())
    assert SECRET not in str(caught.value)
    assert not caught.value.is_permanent


@pytest.mark.parametrize("url", [f"nosuch://{SECRET}/x", f"slack://{SECRET}", f"json://:{SECRET}"])
def test_a_url_that_apprise_does_not_know_is_reported_without_it(url: str) -> None:
    with pytest.raises(SettingsError, match=r"messages\.apprise\.url") as caught:
        _channel(url)
    assert SECRET not in str(caught.value)


def test_without_apprise_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "apprise", None)
    with pytest.raises(SettingsError, match=r"canvas-sync-monitor\[exporter,apprise\]"):
        _channel("json://127.0.0.1/")
