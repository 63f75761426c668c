"""The pages about messages: what was sent, previews, and the test of a destination."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import requests
from playwright.sync_api import Browser, expect

from canvas_sync_core.names import MessageState
from canvas_sync_core.store.messages.reading import MessageFilter, message_page
from canvas_sync_core.store.messages.writing import add_messages
from canvas_sync_exporter.messages.previewing import PREVIEW_KINDS
from canvas_sync_exporter.web.auth import Scope
from support.message_server import Receiver, http_answer, receiving
from support.messages import message
from support.page_history import HOSTILE
from support.pages import Served, axe_violations, serving_pages, watched

SECRET = "s3cr3t-of-the-webhook"
NOW = datetime.now(UTC)


@pytest.fixture
def tickets() -> Iterator[Receiver]:
    with receiving() as receiver:
        yield receiver


@pytest.fixture
def served(tmp_path: Path, tickets: Receiver) -> Iterator[Served]:
    """An exporter with a webhook, and with messages in each state."""
    file = tmp_path / "config.toml"
    file.write_text(
        f'[messages.webhook]\nurl = "{tickets.url}/{SECRET}"\nkinds = ["incident", "daily"]\n'
    )
    with serving_pages(tmp_path, with_tokens=True, CANVAS_SYNC_CONFIG=str(file)) as served:
        for number, state in enumerate(MessageState):
            is_over = state is MessageState.GIVEN_UP
            add_messages(
                served.engine,
                [
                    message(
                        str(number),
                        channel="webhook",
                        state=state,
                        attempts=3,
                        content={"title": f"{state} {HOSTILE}".replace("\x00", "")},
                        created_at=NOW - timedelta(minutes=number),
                        next_attempt_at=NOW + timedelta(minutes=-5 if is_over else 5),
                        last_error="500 Because" if is_over else None,
                    )
                ],
            )
        yield served


def get(served: Served, path: str, scope: Scope = Scope.READ) -> requests.Response:
    headers = {"Authorization": f"Bearer {served.tokens[scope]}"}
    return requests.get(f"{served.url}/{path}", headers=headers, timeout=30)


def send_test(served: Served, channel: str, scope: Scope = Scope.ADMIN) -> requests.Response:
    headers = {"Authorization": f"Bearer {served.tokens[scope]}", "Origin": served.url}
    url, form = f"{served.url}/messages/test", {"channel": channel}
    return requests.post(url, form, headers=headers, timeout=60, allow_redirects=False)


def test_each_message_is_shown_with_its_state_attempts_and_error(served: Served) -> None:
    data = get(served, "messages?format=json").json()["data"]
    states = [(each["state"], each["attempts"], each["last_error"]) for each in data["messages"]]
    assert states == [
        (state.value, 3, "500 Because" if state is MessageState.GIVEN_UP else None)
        for state in MessageState
    ]
    page = get(served, "messages").text
    assert "500 Because" in page
    assert "<script>alert" not in page


def test_messages_are_filtered(served: Served) -> None:
    for query, number in (("state=given_up", 1), ("channel=email", 0), ("kind=daily", 0)):
        data = get(served, f"messages?{query}&format=json").json()["data"]
        assert len(data["messages"]) == number, query


def test_a_destination_is_shown_with_what_it_receives_and_why_it_fails(served: Served) -> None:
    data = get(served, "messages?format=json").json()["data"]
    (destination,) = data["destinations"]
    assert destination["name"] == "webhook"
    assert destination["kinds"] == ["incident", "daily"]
    assert destination["counts"] == dict.fromkeys(map(str, MessageState), 1)
    assert destination["failing"]["reason"] == "500 Because"


def test_a_message_that_some_recipients_did_not_get_is_shown_as_such(served: Served) -> None:
    last = NOW + timedelta(minutes=1)
    partly = message("partly", channel="webhook", state=MessageState.SENT, created_at=last)
    refused = "refused 1 of 2 recipients"
    add_messages(served.engine, [replace(partly, sent_at=last, last_error=refused)])
    page = get(served, "messages?state=sent").text
    assert f'<p class="wrong">{refused}' in page


@pytest.mark.parametrize("path", ["messages", "messages?format=json"])
def test_no_address_of_a_destination_is_shown(path: str, served: Served) -> None:
    assert SECRET not in get(served, path, Scope.ADMIN).text


def test_an_admin_tests_a_destination_which_ends_its_failure(
    served: Served, tickets: Receiver, browser: Browser
) -> None:
    with watched(browser) as tab:
        tab.page.goto(f"{served.url}/messages")
        tab.page.get_by_label("token").fill(served.tokens[Scope.ADMIN])
        tab.page.get_by_role("button", name="Sign in").click()
        expect(tab.page.locator("#destinations")).to_contain_text("500 Because")
        tab.page.get_by_role("button", name="Send a test message to webhook").click()
        expect(tab.page.get_by_role("status").first).to_contain_text("accepted the test message")
        expect(tab.page.locator("#destinations")).to_contain_text("receives messages")
        assert tab.complaints == []
    assert tickets.requests.get(timeout=30).path == f"/{SECRET}"
    newest = message_page(served.engine, MessageFilter(kind="test"), 1).items[0]
    assert (newest.channel, newest.state, newest.subject) == (
        "webhook",
        MessageState.SENT,
        "admin",
    )


def test_a_destination_that_rejects_the_test_is_named_with_the_reason(
    served: Served, tickets: Receiver
) -> None:
    tickets.answers(http_answer(500, b"broken"))
    answer = send_test(served, "webhook")
    assert answer.status_code == 502
    assert "The test message was not delivered." in answer.text
    assert "500" in answer.text
    assert SECRET not in answer.text
    assert message_page(served.engine, MessageFilter(kind="test"), 1).items == []


def test_a_test_of_an_unknown_destination_is_rejected(served: Served) -> None:
    answer = send_test(served, "pager")
    assert answer.status_code == 422
    assert "there is no such destination" in answer.text


def test_a_reader_cannot_send_a_test(served: Served, tickets: Receiver) -> None:
    assert "Send a test" not in get(served, "messages").text
    assert send_test(served, "webhook", Scope.READ).status_code == 403
    assert tickets.requests.empty()


@pytest.mark.parametrize("kind", PREVIEW_KINDS)
def test_each_kind_is_previewed_with_the_figures_of_the_history(kind: str, site: Served) -> None:
    url = f"{site.url}/messages/preview/{kind}"
    content = requests.get(url, params={"format": "json"}, timeout=30).json()["data"]["content"]
    page = requests.get(url, timeout=30)
    assert page.status_code == 200
    assert content["kind"] == kind
    assert content["sections"]
    for each in content["sections"]:
        assert each["title"] in page.text


def test_without_any_incident_the_preview_says_so(tmp_path: Path) -> None:
    with serving_pages(tmp_path, with_history=False) as served:
        page = requests.get(f"{served.url}/messages/preview/incident", timeout=30)
        assert page.status_code == 200
        assert "There has been no incident" in page.text
        assert "has no destination" in requests.get(f"{served.url}/messages", timeout=30).text


@pytest.mark.parametrize(("kind", "status"), [("test", 404), ("yearly", 422)])
def test_a_kind_without_a_preview_is_named(kind: str, status: int, site: Served) -> None:
    page = requests.get(f"{site.url}/messages/preview/{kind}", timeout=30)
    assert page.status_code == status
    assert kind in page.text or "use one of" in page.text


def test_with_destinations_the_page_fits_on_a_phone_and_is_accessible(
    served: Served, browser: Browser
) -> None:
    headers = {"Authorization": f"Bearer {served.tokens[Scope.ADMIN]}"}
    viewport = {"width": 320, "height": 600}
    with watched(browser, viewport=viewport, extra_http_headers=headers) as tab:
        tab.page.goto(f"{served.url}/messages")
        expect(tab.page.get_by_role("button", name="Send a test message")).to_be_visible()
        assert tab.page.evaluate("document.documentElement.scrollWidth") <= 320
        assert axe_violations(tab.page) == []
